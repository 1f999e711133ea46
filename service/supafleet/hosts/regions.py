"""Names of regions that official clients know, and the groups they form."""

LOCAL_REGION = "local"

AWS_REGIONS = (
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ap-east-1",
    "ap-southeast-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-southeast-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-north-1",
    "eu-central-1",
    "eu-central-2",
    "ca-central-1",
    "ap-south-1",
    "sa-east-1",
)

_GROUP_PREFIXES = {"americas": ("us-", "ca-", "sa-"), "emea": ("eu-",), "apac": ("ap-",)}

REGION_GROUPS = {
    group: tuple(region for region in AWS_REGIONS if region.startswith(prefixes))
    for group, prefixes in _GROUP_PREFIXES.items()
}
