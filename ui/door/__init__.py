"""Who comes in and what passes: login, roles, limits, health, metrics, logs. It knows no page."""
