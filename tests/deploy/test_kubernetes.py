"""deploy/kubernetes, read as a platform engineer does: valid, locked down, and without a secret."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

ROOT = Path(__file__).parents[2] / "deploy" / "kubernetes"
KUSTOMIZATIONS = sorted(path.parent for path in ROOT.rglob("kustomization.yaml"))
#: Of operators: no schema of Kubernetes' own knows them.
CUSTOM = {"Cluster", "ScheduledBackup", "PodMonitor"}


def documents(path: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each]


def written() -> list[tuple[str, dict[str, Any]]]:
    """Every object as it is in its file, but for patches."""
    files = [path for path in ROOT.rglob("*.yaml") if path.name != "kustomization.yaml"]
    patches = {path for path in files if path.name.startswith("database-address")}
    return [
        (f"{path.relative_to(ROOT)} {each['kind']} {each['metadata']['name']}", each)
        for path in sorted(set(files) - patches)
        for each in documents(path)
    ]


def rendered(folder: Path) -> list[dict[str, Any]]:
    """What would be applied."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    ran = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return [each for each in yaml.safe_load_all(ran.stdout) if each]


def validate(document: dict[str, Any]) -> None:
    if document["kind"] not in CUSTOM:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def deployments(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in objects if each["kind"] == "Deployment"]


@pytest.mark.parametrize("document", [each for _, each in written()], ids=dict(written()))
def test_every_object_is_valid(document: dict[str, Any]) -> None:
    """By Kubernetes' own schema, with no misspelt field; and it holds no secret."""
    validate(document)
    assert document["kind"] != "Secret"


@pytest.mark.parametrize("folder", KUSTOMIZATIONS, ids=lambda path: path.name)
def test_every_kustomization_renders(folder: Path) -> None:
    """And what comes out is valid, too."""
    objects = rendered(folder)
    for each in objects:
        validate(each)
    assert {each["metadata"]["name"] for each in deployments(objects)} == {
        *("pal-e-mail-web", "pal-e-mail-worker")
    }


@pytest.mark.parametrize("name", ["web", "worker"])
def test_pods_are_locked_down(name: str) -> None:
    """They run as nobody, write nowhere, and know nothing of Kubernetes."""
    [deployment] = documents(ROOT / "base" / f"{name}.yaml")
    pod = deployment["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] == 10001
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        locked = container["securityContext"]
        assert locked["readOnlyRootFilesystem"] is True
        assert locked["allowPrivilegeEscalation"] is False
        assert locked["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]
        assert {mount["mountPath"] for mount in container["volumeMounts"]} == {
            *("/var/lib/pal-e-mail", "/tmp")  # noqa: S108 - in a pod of its own
        }
    for container in pod["containers"]:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["timeoutSeconds"] > 1
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_one_page_and_several_workers() -> None:
    """A worker has time to finish; and the page leaves the sending to it."""
    [web], [worker] = (documents(ROOT / "base" / f"{name}.yaml") for name in ("web", "worker"))
    assert web["spec"]["replicas"] == 1
    assert web["spec"]["strategy"] == {"type": "Recreate"}
    [page] = web["spec"]["template"]["spec"]["containers"]
    assert "--no-worker" in page["args"]
    assert worker["spec"]["replicas"] > 1
    assert worker["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > 45


def test_selectors_find_their_pods() -> None:
    """Services, budgets, policies and monitors mean pods that there are."""
    objects = rendered(ROOT / "overlays" / "monitoring")
    pods = [each["spec"]["template"]["metadata"]["labels"] for each in deployments(objects)]
    selectors = [
        each["spec"].get("selector", each["spec"].get("podSelector"))
        for each in objects
        if each["kind"] in {"Service", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor"}
    ]
    assert len(selectors) == 6
    for selector in selectors:
        wanted = selector.get("matchLabels", selector)
        assert wanted
        assert any(wanted.items() <= labels.items() for labels in pods), wanted


def test_the_database_of_the_operator_is_used_everywhere() -> None:
    """By the page, its migration, and the workers."""
    objects = rendered(ROOT / "overlays" / "cloudnative-pg")
    for deployment in deployments(objects):
        pod = deployment["spec"]["template"]["spec"]
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            [address] = container["env"]
            key = address["valueFrom"]["secretKeyRef"]
            assert (address["name"], key) == (
                "DATABASE_URL",
                {"name": "palemail-db-app", "key": "uri"},
            )
    [cluster] = [each for each in objects if each["kind"] == "Cluster"]
    assert cluster["spec"]["instances"] > 1
    assert cluster["metadata"]["name"] == "palemail-db"


def test_funnel_shows_the_internet_only_what_google_and_owners_open() -> None:
    """Not the page, and not the API."""
    objects = documents(ROOT / "overlays" / "tailscale" / "ingress.yaml")
    [public] = [each for each in objects if "annotations" in each["metadata"]]
    assert "defaultBackend" not in public["spec"]
    [rule] = public["spec"]["rules"]
    assert {path["path"] for path in rule["http"]["paths"]} == {
        *("/senders/callback", "/senders/reauth")
    }
