"""compose.yaml, its environment and its proxy: they name what there is, keep no secret, and give away no right."""

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.deploy import recipe
from tests.deploy.recipe import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "lanewise"}
EXAMPLE = (ROOT / "deploy" / "env.example").read_text()
CADDYFILE = (ROOT / "deploy" / "Caddyfile").read_text()
DOCS = (ROOT / "docs" / "deploy.md").read_text()
LIBRARIES = {"PGPASSWORD", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}  # read by libpq and obstore


def read_by_the_app(name: str) -> bool:
    """Backends' kinds spell theirs in parts, as `VLLM` and `_BASE_URL`."""
    whole = f'"{name}"'
    code = [(ROOT / path).read_text(encoding="utf-8") for path in recipe.sent() if path.suffix == ".py"]
    return name in LIBRARIES or any(whole in each for each in code) or name.endswith(("_API_KEY", "_BASE_URL"))


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_as_few_rights_as_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert not {"privileged", "network_mode", "pid", "user"} & service.keys()


@pytest.mark.parametrize("name", OURS)
def test_each_app_has_its_volume_its_tmp_and_time_to_end(name: str) -> None:
    assert OURS[name]["volumes"] == [f"data:{recipe.stages()[-1].last('VOLUME').rest}"]
    assert OURS[name]["tmpfs"] == ["/tmp"]
    assert OURS[name]["stop_grace_period"] == "30s"


def test_no_secret_stands_in_it() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET", name):
                assert re.fullmatch(r"\$\{\w+:-\}", value), name
    assert not re.findall(r"^#?\w*(?:PASSWORD|SECRET|KEY)\w*=.+", EXAMPLE, re.MULTILINE)


def test_each_variable_is_one_that_somebody_reads() -> None:
    told = {name for service in OURS.values() for name in service.get("environment", {})}
    assert [name for name in told if not read_by_the_app(name)] == []
    assert [name for name in SERVICES["proxy"]["environment"] if f"{{${name}" not in CADDYFILE] == []
    filled = {*re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text())}
    given = {*re.findall(r"^#(\w+)=", EXAMPLE, re.MULTILINE)}
    assert filled <= given
    assert [name for name in given - filled if not read_by_the_app(name)] == []


def test_who_is_waited_for_says_when_it_is_well() -> None:
    for service in SERVICES.values():
        for name, wanted in service.get("depends_on", {}).items():
            assert wanted == {"condition": "service_healthy"}
            assert name in OURS or "healthcheck" in SERVICES[name]
            assert {*service["profiles"]} <= {*SERVICES[name]["profiles"]}


def test_each_volume_is_declared_and_each_file_is_there() -> None:
    mounted = [each.split(":")[0] for service in SERVICES.values() for each in service["volumes"]]
    assert {each for each in mounted if not each.startswith(".")} == COMPOSE["volumes"].keys()
    assert all((ROOT / each).is_file() for each in mounted if each.startswith("."))


def test_the_proxy_asks_for_what_the_image_asks_for() -> None:
    (asked,) = re.findall(r"health_uri (\S+)", CADDYFILE)
    assert asked in recipe.stages()[-1].last("HEALTHCHECK").rest
    assert SERVICES["proxy"]["environment"]["REPLICAS"].split() == [
        f"{name}:7860" for name, service in OURS.items() if "replicas" in service["profiles"]
    ]


def test_the_docs_name_what_there_is() -> None:
    profiles = {profile for service in SERVICES.values() for profile in service["profiles"]}
    assert {*re.findall(r"--profile (\w+)", DOCS)} <= profiles
    assert all(f"| `{profile}` |" in DOCS for profile in profiles)
    variables = {*re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", DOCS)} | {"OPEN", "GRACE"}
    assert [name for name in variables if not read_by_the_app(name) and name not in EXAMPLE] == []


def test_caddy_takes_its_configuration() -> None:
    if not shutil.which("caddy"):
        pytest.skip("no Caddy on this machine")
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(ROOT / "deploy" / "Caddyfile")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
