//! An instance.

use serde::{Deserialize, Serialize};

use super::Tags;
use crate::clock::Timestamp;

/// How an instance stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// On its way up.
    Pending,
    /// Up.
    #[default]
    Running,
    /// On its way to `Stopped`.
    Stopping,
    /// Off, and able to start again.
    Stopped,
    /// On its way to `Terminated`.
    ShuttingDown,
    /// Gone, and listed for an hour.
    Terminated,
}

impl InstanceState {
    /// The name EC2 gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
        }
    }

    /// The number EC2 gives it.
    #[must_use]
    pub fn code(self) -> u32 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }
}

/// How the instance metadata service answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MetadataOptions {
    /// `optional` or `required`.
    pub http_tokens: String,
    /// How many hops an answer may take.
    pub http_put_response_hop_limit: u32,
    /// `enabled` or `disabled`.
    pub http_endpoint: String,
    /// `enabled` or `disabled`.
    pub http_protocol_ipv6: String,
    /// `enabled` or `disabled`.
    pub instance_metadata_tags: String,
}

impl Default for MetadataOptions {
    fn default() -> Self {
        Self {
            http_tokens: "required".to_owned(),
            http_put_response_hop_limit: 2,
            http_endpoint: "enabled".to_owned(),
            http_protocol_ipv6: "disabled".to_owned(),
            instance_metadata_tags: "disabled".to_owned(),
        }
    }
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Instance {
    /// `i-…`
    pub id: String,
    /// `r-…`, shared by those launched together.
    pub reservation_id: String,
    /// Its place among those launched together.
    pub launch_index: u32,
    /// The name of its type.
    pub instance_type: String,
    /// The image.
    pub image_id: String,
    /// The subnet of its primary ENI.
    pub subnet_id: String,
    /// That subnet's VPC.
    pub vpc_id: String,
    /// That subnet's zone.
    pub zone: String,
    /// How it stands.
    pub state: InstanceState,
    /// Why it stands so, if somebody asked for it.
    pub state_reason: Option<(String, String)>,
    /// When it last started.
    pub launch_time: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// The token of its launch.
    pub client_token: Option<String>,
    /// The metadata service.
    pub metadata: MetadataOptions,
    /// The tags.
    pub tags: Tags,
}
