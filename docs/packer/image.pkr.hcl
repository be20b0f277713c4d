# An AMI whose instances prove their clocks at every boot before anything that makes codes is started.
#
#   ansible-galaxy collection install ../..     # this collection, from the clone that this file is in
#   packer init . && packer build -var 'gated_units=["code-issuer"]' .

variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "instance_type" {
  type    = string
  default = "t3.small"
}

# Units that are to wait for the proof. They may be installed by a later step of the build.
variable "gated_units" {
  type    = list(string)
  default = []
}

# Empty: the Amazon Time Sync Service. Otherwise addresses of time servers that the builder and its instances reach.
variable "time_servers" {
  type    = list(string)
  default = []
}

locals {
  built_at = formatdate("YYYYMMDD-hhmmss", timestamp())

  ansible_variables = {
    ansible_become       = true
    softtoken_agent      = true
    timesync_gated_units = var.gated_units
    timesync_profile     = length(var.time_servers) > 0 ? "custom" : "aws"
    timesync_sources     = [for address in var.time_servers : { address = address, iburst = true }]
  }
}

source "amazon-ebs" "image" {
  region        = var.region
  instance_type = var.instance_type
  ami_name      = "softtoken-${local.built_at}"
  encrypt_boot  = true

  source_ami_filter {
    # Debian's own account.
    owners      = ["136693071363"]
    most_recent = true
    filters = {
      name                = "debian-12-amd64-*"
      architecture        = "x86_64"
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }

  # Packer's own key is not for the instances.
  ssh_username              = "admin"
  ssh_clear_authorized_keys = true
}

build {
  sources = ["source.amazon-ebs.image"]

  # Whatever else the image is made of comes before this: the last thing that it does is to take the builder's identity out.
  provisioner "ansible" {
    playbook_file   = "${path.root}/image.yml"
    user            = "admin"
    use_proxy       = false
    extra_arguments = ["--extra-vars", jsonencode(local.ansible_variables)]
  }
}
