"""The same tests over a folder and over a bucket."""

import threading
from collections.abc import Iterator

import boto3
import pytest
from moto.s3.responses import S3Response
from moto.server import ThreadedMotoServer

from alluse_assets.adapters.lake import Lake
from tests.adapters.lake.places import Place, Places


@pytest.fixture(scope="session")
def bucket_options() -> Iterator[dict[str, str]]:
    """Endpoint and keys of an S3 server with the bucket ``lake``.

    The server compares an entity tag and then stores, with other requests in between, which S3 does not:
    one PUT at a time makes it atomic.
    """
    one_at_a_time, real = threading.Lock(), S3Response.put_object

    def put_object(self):
        with one_at_a_time:
            return real(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(S3Response, "put_object", put_object)
        # Left to itself the AWS client asks a cloud machine's address for keys.
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        keys = {"aws_access_key_id": "tester", "aws_secret_access_key": "secret"}
        boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys).create_bucket(
            Bucket="lake"
        )
        yield {"aws_endpoint_url": endpoint, "aws_region": "us-east-1", **keys}
        server.stop()


@pytest.fixture(scope="session")
def places(tmp_path_factory, bucket_options) -> Places:
    return Places(tmp_path_factory.mktemp("lakes"), bucket_options)


@pytest.fixture(params=["folder", "bucket"])
def place(request, places) -> Place:
    return places.new(request.param)


@pytest.fixture
def lake(place) -> Lake:
    return place.lake()
