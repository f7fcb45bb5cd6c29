from hypothesis import settings

settings.register_profile("on any machine", settings.default, deadline=None)  # it may be slow, or at other work too
settings.load_profile("on any machine")
