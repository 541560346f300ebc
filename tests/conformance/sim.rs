//! stub until ec2-sim is there
#[derive(Default)]
pub(crate) struct Settings {
    pub start: std::time::Duration,
    pub stop: std::time::Duration,
    pub attach: std::time::Duration,
    pub detach: std::time::Duration,
    pub lag: std::time::Duration,
    pub eni_quota: usize,
}
pub(crate) struct Sim {
    pub(crate) endpoint: String,
}
#[derive(Clone)]
pub(crate) struct Handle;
impl Sim {
    pub(crate) fn handle(&self) -> Handle {
        Handle
    }
}
impl Handle {
    pub(crate) fn calls(&self, _: &str) -> u64 {
        0
    }
    pub(crate) fn advance(&self, _: std::time::Duration) {}
}
pub(crate) fn instant() -> Settings {
    Settings::default()
}
pub(crate) async fn start(_: Settings) -> Sim {
    Sim { endpoint: String::new() }
}
