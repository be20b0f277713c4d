"""Trails of the AWS double, which fill log groups."""

from __future__ import annotations

import pytest
from moto.cloudtrail.models import cloudtrail_backends

from tests.fakes.aws import ACCOUNT, REGION, FakeAws


def trail_into(aws: FakeAws, group: str, name: str, *, logging: bool = True, all_regions: bool = True) -> str:
    """Make a trail, of all regions or of one, that delivers to a log group; return its ARN."""
    aws.client("s3").create_bucket(Bucket=f"bucket-of-{name}")
    made = aws.client("cloudtrail").create_trail(
        Name=name, S3BucketName=f"bucket-of-{name}", IsMultiRegionTrail=all_regions,
        CloudWatchLogsLogGroupArn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*",
        CloudWatchLogsRoleArn=f"arn:aws:iam::{ACCOUNT}:role/delivery",
    )  # fmt: skip
    if logging:
        aws.client("cloudtrail").start_logging(Name=name)
    return str(made["TrailARN"])


def cannot_deliver(monkeypatch: pytest.MonkeyPatch, name: str, error: str) -> None:
    """Have the status of a trail say why no record reaches the log group. Moto knows no such trail."""
    status = cloudtrail_backends[ACCOUNT][REGION].get_trail_status(name)
    described = status.description
    monkeypatch.setattr(status, "description", lambda: {**described(), "LatestCloudWatchLogsDeliveryError": error})
