"""Trails of the AWS double, which fill log groups."""

from __future__ import annotations

from tests.fakes.aws import ACCOUNT, REGION, FakeAws


def trail_into(aws: FakeAws, group: str, name: str, *, logging: bool = True) -> str:
    """Make a trail of all regions that delivers to a log group; return its ARN."""
    aws.client("s3").create_bucket(Bucket=f"bucket-of-{name}")
    made = aws.client("cloudtrail").create_trail(
        Name=name, S3BucketName=f"bucket-of-{name}", IsMultiRegionTrail=True,
        CloudWatchLogsLogGroupArn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*",
        CloudWatchLogsRoleArn=f"arn:aws:iam::{ACCOUNT}:role/delivery",
    )  # fmt: skip
    if logging:
        aws.client("cloudtrail").start_logging(Name=name)
    return str(made["TrailARN"])
