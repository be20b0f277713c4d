# SAMPLE: written by hand to show the audit, beside ../sample_account.json. It describes no real account and is never
# applied.

variable "mfa_serial" {
  description = "The device of whoever runs Terraform"
  default     = "arn:aws:iam::123456789012:mfa/bob-phone"
}

resource "aws_iam_virtual_mfa_device" "shared_tablet" {
  virtual_mfa_device_name = "shared-tablet"
}
