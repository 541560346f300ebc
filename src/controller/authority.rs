//! Watches over every EC2 call for what it tells of our credentials, and changes nothing while AWS does not
//! take them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::ec2::{Answer, Ec2, EniQuery, SecurityGroupQuery, SubnetQuery};
use crate::lock::lock;
use crate::model::{
    AddressKind, AttachmentId, Call, CreateEni, Ec2Error, Ec2ErrorKind, Eni, EniChange, EniId, Instance,
    InstanceId, InstanceType, Position, SecurityGroup, Subnet,
};
use crate::plan::authority::{Known, is_about, is_dry_run_due, shows_credentials};

/// How often at most to ask whether AWS takes our credentials again, where nothing else is read.
const PROBE_PERIOD: SignedDuration = SignedDuration::from_secs(30);

/// What to read for that: a description that every account can give, and that is the same in each.
const PROBE_TYPE: &str = "m5.large";

/// What this process has learnt of what it may do in EC2. Its copies tell the same.
#[derive(Debug, Clone, Default)]
pub struct Authority(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Why AWS takes no call with our credentials.
    refused: Option<Ec2Error>,
    /// When it was last asked, only to find out.
    probed: Option<Timestamp>,
    /// Whether EC2 has allowed a create, or when it last refused to.
    create: Create,
}

/// What is known of creates.
#[derive(Debug, Default)]
enum Create {
    #[default]
    Unknown,
    Allowed,
    Refused(Ec2Error, Timestamp),
}

impl Authority {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    /// What the passes are told.
    #[must_use]
    pub fn known(&self) -> Known {
        let state = self.state();
        let create = match &state.create {
            Create::Refused(error, _) => Some(error.clone()),
            Create::Unknown | Create::Allowed => None,
        };
        Known { credentials: state.refused.clone(), create }
    }

    /// Whether nothing is changed in EC2, because AWS does not take our credentials.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.state().refused.is_some()
    }

    /// Whether to ask EC2 if a create would be allowed. Whoever is told so is the one to ask.
    pub(super) fn take_dry_run(&self, now: Timestamp) -> bool {
        let mut state = self.state();
        match &mut state.create {
            Create::Refused(_, at) if is_dry_run_due(Some(*at), now) => {
                *at = now;
                true
            }
            Create::Unknown => is_dry_run_due(None, now),
            Create::Allowed | Create::Refused(..) => false,
        }
    }

    /// Takes note of how a create went, or would have gone.
    fn note_create<T>(&self, answer: &Answer<T>, dry_run_at: Option<Timestamp>) {
        let mut state = self.state();
        match (answer, dry_run_at) {
            (Ok(_), _) => state.create = Create::Allowed,
            (Err(error), _) if error.is_lease_lost() => {}
            (Err(error), Some(at)) if error.kind == Ec2ErrorKind::Unauthorized => {
                state.create = Create::Refused(error.clone(), at);
            }
            // EC2 looks at permissions first.
            (Err(error), _) if !is_about(error.kind) && shows_credentials(error.kind) => {
                state.create = Create::Allowed;
            }
            (Err(_), _) => {}
        }
    }

    /// Takes note of what an answer says of our credentials.
    fn note<T>(&self, answer: &Answer<T>) {
        let mut state = self.state();
        match answer {
            Err(error) if error.kind == Ec2ErrorKind::Unauthenticated => {
                if state.refused.is_none() {
                    tracing::error!(call = %error.call, code = error.code, error = error.message, "AWS takes the credentials no more: nothing is changed until it does");
                }
                state.refused = Some(error.clone());
            }
            Err(error) if error.is_lease_lost() || !shows_credentials(error.kind) => {}
            Ok(_) | Err(_) => {
                if state.refused.take().is_some() {
                    tracing::info!("AWS takes the credentials again");
                }
            }
        }
    }

    /// Whether to find out if AWS takes our credentials again.
    fn take_probe(&self, now: Timestamp) -> bool {
        let mut state = self.state();
        let due = state.probed.is_none_or(|at| now.duration_since(at) >= PROBE_PERIOD);
        if due {
            state.probed = Some(now);
        }
        due
    }
}

/// EC2, read only while AWS does not take our credentials.
pub struct Authorized<E, K> {
    inner: E,
    authority: Authority,
    clock: K,
}

impl<E: Ec2, K: Clock> Authorized<E, K> {
    /// Watches over the calls to this EC2.
    #[must_use]
    pub fn new(inner: E, authority: Authority, clock: K) -> Self {
        Self { inner, authority, clock }
    }

    /// Refuses a call that would change something while AWS does not take our credentials.
    ///
    /// Nobody may be reading, so now and then a read is made to find out.
    async fn may(&self, call: Call) -> Answer<()> {
        if self.authority.is_read_only() && self.authority.take_probe(self.clock.now()) {
            self.noted(self.inner.instance_types(&[PROBE_TYPE.to_owned()]).await).map(drop).ok();
        }
        match self.authority.known().credentials {
            None => Ok(()),
            Some(Ec2Error { code, message, .. }) => {
                Err(Ec2Error { call, kind: Ec2ErrorKind::Unauthenticated, code, message })
            }
        }
    }

    fn noted<T>(&self, answer: Answer<T>) -> Answer<T> {
        self.authority.note(&answer);
        answer
    }
}

impl<E: Ec2, K: Clock> Ec2 for Authorized<E, K> {
    async fn create(&self, request: &CreateEni) -> Answer<Eni> {
        self.may(Call::Create).await?;
        let answer = self.noted(self.inner.create(request).await);
        self.authority.note_create(&answer, None);
        answer
    }

    async fn attach(&self, eni: &EniId, instance: &InstanceId, at: Position) -> Answer<AttachmentId> {
        self.may(Call::Attach).await?;
        self.noted(self.inner.attach(eni, instance, at).await)
    }

    async fn modify(&self, eni: &EniId, change: &EniChange) -> Answer<()> {
        self.may(Call::Modify).await?;
        self.noted(self.inner.modify(eni, change).await)
    }

    async fn detach(&self, attachment: &AttachmentId, force: bool) -> Answer<()> {
        self.may(Call::Detach).await?;
        self.noted(self.inner.detach(attachment, force).await)
    }

    async fn delete(&self, eni: &EniId) -> Answer<()> {
        self.may(Call::Delete).await?;
        self.noted(self.inner.delete(eni).await)
    }

    async fn tag(&self, eni: &EniId, tags: &BTreeMap<String, String>) -> Answer<()> {
        self.may(Call::CreateTags).await?;
        self.noted(self.inner.tag(eni, tags).await)
    }

    async fn untag(&self, eni: &EniId, keys: &[String]) -> Answer<()> {
        self.may(Call::DeleteTags).await?;
        self.noted(self.inner.untag(eni, keys).await)
    }

    async fn assign(&self, eni: &EniId, kind: AddressKind, count: u32) -> Answer<Vec<String>> {
        self.may(kind.assign()).await?;
        self.noted(self.inner.assign(eni, kind, count).await)
    }

    async fn unassign(&self, eni: &EniId, kind: AddressKind, addresses: &[String]) -> Answer<()> {
        self.may(kind.unassign()).await?;
        self.noted(self.inner.unassign(eni, kind, addresses).await)
    }

    async fn set_hop_limit(&self, instance: &InstanceId, hops: u32) -> Answer<()> {
        self.may(Call::ModifyMetadataOptions).await?;
        self.noted(self.inner.set_hop_limit(instance, hops).await)
    }

    async fn may_create(&self, request: &CreateEni) -> Answer<()> {
        let answer = self.noted(self.inner.may_create(request).await);
        self.authority.note_create(&answer, Some(self.clock.now()));
        answer
    }

    async fn enis(&self, query: &EniQuery) -> Answer<Vec<Eni>> {
        self.noted(self.inner.enis(query).await)
    }

    async fn instances(&self, ids: &[InstanceId]) -> Answer<Vec<Instance>> {
        let answer = self.inner.instances(ids).await;
        // Nothing is asked for nothing.
        if ids.is_empty() { answer } else { self.noted(answer) }
    }

    async fn instance_types(&self, names: &[String]) -> Answer<Vec<InstanceType>> {
        self.noted(self.inner.instance_types(names).await)
    }

    async fn subnets(&self, query: &SubnetQuery) -> Answer<Vec<Subnet>> {
        self.noted(self.inner.subnets(query).await)
    }

    async fn security_groups(&self, query: &SecurityGroupQuery) -> Answer<Vec<SecurityGroup>> {
        self.noted(self.inner.security_groups(query).await)
    }
}
