"""Where an installation's things lie."""

from datetime import UTC, datetime
from pathlib import Path

from alluse_assets.adapters.lake import Lake
from alluse_assets.orchestration.health import examine
from alluse_assets.orchestration.installation import Installation


def test_the_lake_lies_at_home_unless_another_place_is_named(tmp_path):
    home = {"ALLUSE_HOME": str(tmp_path)}
    assert Installation.from_environment(home).lake == tmp_path / "lake"
    elsewhere = Installation.from_environment({**home, "ALLUSE_LAKE_URL": "s3://bucket/prefix"})
    assert elsewhere.lake == "s3://bucket/prefix"
    folder = Installation.from_environment({**home, "ALLUSE_LAKE_URL": "other"})
    assert folder.lake == Path("other").resolve()
    assert Lake(elsewhere.lake).url == "s3://bucket/prefix"


def test_the_doctor_says_which_lake_cannot_be_reached(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    environ = {"ALLUSE_HOME": str(tmp_path), "ALLUSE_LAKE_URL": "s3://bucket/prefix"}
    environ["ALLUSE_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:9/nothing"
    (finding,) = (one for one in examine(environ, datetime(2026, 1, 5, 12, tzinfo=UTC)) if one.area == "lake")
    assert (finding.status, finding.found.startswith("s3://bucket/prefix: ")) == ("fault", True)
