#!/bin/sh
# Signs in to AWS as a soft token does: sign-in [PROFILE]
#
# The code and the request's date are by this host's clock. Reads ~/.aws/config (mfa_serial, role_arn, endpoint_url),
# ~/.aws/credentials and ~/.soft-token (the seed, in base32); none of their secrets becomes an argument of a program.
# Prints the second that the code is of, what STS answered, and its HTTP status.
set -eu
profile="profile ${1:-mfa}"
setting() { sed -n "/^\[$2\]\$/,/^\[/s/^$3 *= *//p" "$HOME/.aws/$1"; }

role=$(setting config "$profile" role_arn)
if [ -n "$role" ]; then
  action="AssumeRole"
else
  action="GetSessionToken"
fi
now=$(date +%s)
code=$(oathtool --totp --base32 --now "@$now" - <"$HOME/.soft-token")
echo "$now"
curl --silent --show-error --max-time 60 --write-out '\n%{http_code}\n' --config - <<END
url = "$(setting config default endpoint_url)/"
aws-sigv4 = "aws:amz:us-east-1:sts"
user = "$(setting credentials default aws_access_key_id):$(setting credentials default aws_secret_access_key)"
data = "Action=$action&Version=2011-06-15"
${role:+data-urlencode = "RoleArn=$role"}
${role:+data = "RoleSessionName=soft-token"}
data-urlencode = "SerialNumber=$(setting config "$profile" mfa_serial)"
data-urlencode = "TokenCode=$code"
END
