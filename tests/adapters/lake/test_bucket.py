"""What only a bucket can do wrong."""

import urllib.request

import pytest

from alluse_assets.adapters.lake import Lake
from alluse_assets.base.errors import DataError
from tests.adapters.lake.places import PRICES, rows

ONE = rows(("2011-01-03", "A", 1))


def test_a_missing_bucket_is_said_plainly(bucket_options):
    lake = Lake("s3://nowhere/lake", storage_options=bucket_options)
    for work in (lambda: lake.read(PRICES, "sample"), lambda: lake.write(PRICES, "sample", ONE)):
        with pytest.raises(DataError, match=r"s3://nowhere/lake: there is no such bucket; create it"):
            work()


def test_wrong_keys_are_said_plainly_and_not_shown(bucket_options, places):
    place = places.new("bucket")
    place.lake().write(PRICES, "sample", ONE)
    lake = Lake(place.root, storage_options={**bucket_options, "aws_secret_access_key": "wrong-and-secret"})
    with _asking_for_keys(bucket_options["aws_endpoint_url"]):
        for work in (lambda: lake.read(PRICES, "sample"), lambda: lake.write(PRICES, "sample", ONE)):
            with pytest.raises(DataError, match=r"access refused.*check AWS_ACCESS_KEY_ID") as refused:
                work()
            assert "wrong-and-secret" not in str(refused.value)
    assert place.lake().read(PRICES, "sample").height == 1


class _asking_for_keys:
    """The server, which lets everybody in, checks signatures meanwhile."""

    def __init__(self, endpoint):
        self._endpoint = endpoint

    def _reset(self, actions):
        url, headers = f"{self._endpoint}/moto-api/reset-auth", {"Content-Type": "text/plain"}
        request = urllib.request.Request(url, actions, headers, method="POST")
        urllib.request.urlopen(request).read()

    def __enter__(self):
        self._reset(b"0")

    def __exit__(self, *_):
        self._reset(b"inf")


def test_a_server_that_is_not_there_is_said_plainly(bucket_options):
    options = {**bucket_options, "aws_endpoint_url": "http://127.0.0.1:9"}
    with pytest.raises(DataError, match=r"s3://lake/x: .*check the network and AWS_ENDPOINT_URL"):
        Lake("s3://lake/x", storage_options=options).read(PRICES, "sample")


def test_endpoint_and_keys_come_from_the_environment(bucket_options, places, monkeypatch):
    place = places.new("bucket")
    for name, text in bucket_options.items():
        monkeypatch.setenv(name.upper(), text)
    Lake(place.root).write(PRICES, "sample", ONE)
    assert Lake(place.root).read(PRICES, "sample").height == 1
    assert place.lake().read(PRICES, "sample").height == 1


@pytest.mark.parametrize("url", ["gs://lake/x", "s3://", "https://lake"])
def test_another_kind_of_place_is_refused(url):
    with pytest.raises(DataError, match=r"a lake is a folder or s3://bucket/prefix"):
        Lake(url)


def test_an_option_that_does_not_exist_is_refused():
    with pytest.raises(DataError, match=r"unknown options aws_key; there are aws_access_key_id"):
        Lake("s3://lake/x", storage_options={"aws_key": "x"})


def test_a_fresh_file_that_no_manifest_names_may_be_a_writers_and_stays(places):
    place = places.new("bucket")
    lake = Lake(place.root, storage_options=place.options)
    lake.write(PRICES, "sample", ONE)
    left = "prices/source=sample/month=2011-01/part-0123456789abcdef.parquet"
    place.put(left, b"half")
    lake.write(PRICES, "sample", rows(("2011-01-04", "A", 1)))
    assert left in place.files()
    place.lake().write(PRICES, "sample", rows(("2011-01-05", "A", 1)))
    assert left not in place.files()
