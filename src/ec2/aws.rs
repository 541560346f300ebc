//! The real EC2, through the AWS SDK.
