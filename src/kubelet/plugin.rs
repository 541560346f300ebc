//! The device plugin of one resource: what it answers kubelet.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use futures::Stream;
use hyper::body::Incoming;
use hyper::{Request, Response};
use prost::Message;
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;
use tonic::server::Grpc;
use tonic_prost::ProstCodec;

use super::api::{
    AllocateResponse, ContainerResponse, Device, DeviceList, Empty, HEALTHY, Ids, IdsOfContainers,
    NodeOfDevice, NumaNode, PluginOptions, PreferredRequest, Topology, UNHEALTHY, path,
};
use crate::model::Offer;
use crate::plan::kubelet::{container, preferred};

/// What a container may do with a device's file: read and write, and not make more of them.
const PERMISSIONS: &str = "rw";

/// What the plugin can do.
pub(super) const OPTIONS: PluginOptions =
    PluginOptions { pre_start_required: false, get_preferred_allocation_available: true };

/// A list that kubelet was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) list: Vec<Offer>,
    /// The stream that it was sent on.
    stream: Arc<()>,
}

/// The plugin of a resource.
#[derive(Debug, Clone)]
pub(super) struct Plugin {
    /// The resource.
    pub(super) resource: String,
    /// Its devices.
    pub(super) list: watch::Receiver<Vec<Offer>>,
    /// The list that kubelet was last sent, as long as its stream lasts.
    pub(super) sent: watch::Sender<Option<Sent>>,
    /// The host's sysfs.
    pub(super) sysfs: PathBuf,
}

impl Plugin {
    /// Answers a call.
    pub(super) async fn answer(self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        Ok(match request.uri().path() {
            path::OPTIONS => unary(request, |_: Empty| Ok(OPTIONS)).await,
            path::PREFERRED => unary(request, move |question| Ok(self.preferred(&question))).await,
            path::ALLOCATE => unary(request, move |question| self.allocate(&question)).await,
            path::PRE_START => unary(request, |_: Empty| Ok(Empty {})).await,
            path::LIST_AND_WATCH => {
                let plugin = self;
                let service = tower::service_fn(move |_: tonic::Request<Empty>| {
                    let lists = plugin.clone().lists();
                    async move { Ok::<_, Status>(tonic::Response::new(lists)) }
                });
                let codec = ProstCodec::<DeviceList, Empty>::default();
                Grpc::new(codec).server_streaming(service, request).await
            }
            other => Status::unimplemented(other).into_http(),
        })
    }

    /// The list now, and whole again after every change. It ends with the plugin, and never before.
    fn lists(self) -> impl Stream<Item = Result<DeviceList, Status>> {
        let Self { mut list, sent, .. } = self;
        list.mark_changed();
        let streaming = Streaming { sent, stream: Arc::default() };
        futures::stream::unfold((list, streaming), async |(mut list, streaming)| {
            list.changed().await.ok()?;
            let devices = list.borrow_and_update().clone();
            let message = DeviceList { devices: devices.iter().map(device).collect() };
            let sent = Sent { list: devices, stream: streaming.stream.clone() };
            streaming.sent.send_replace(Some(sent));
            Some((Ok(message), (list, streaming)))
        })
    }

    fn preferred(&self, question: &PreferredRequest) -> IdsOfContainers {
        let list = self.list.borrow();
        let answers = question.containers.iter().map(|container| {
            let size = usize::try_from(container.size).unwrap_or_default();
            Ids { ids: preferred(&list, &container.available, &container.must_include, size) }
        });
        IdsOfContainers { containers: answers.collect() }
    }

    /// Gives devices to containers. Nothing is changed by it: kubelet may ask again, or forget the answer.
    fn allocate(&self, question: &IdsOfContainers) -> Result<AllocateResponse, Status> {
        let list = self.list.borrow().clone();
        let answers = question.containers.iter().map(|asked| {
            let devices: Result<Vec<Offer>, Status> =
                asked.ids.iter().map(|id| self.usable(&list, id)).collect();
            Ok(response(container(&self.resource, &devices?)))
        });
        let containers: Result<Vec<ContainerResponse>, Status> = answers.collect();
        if let Err(status) = &containers {
            tracing::warn!(
                resource = self.resource,
                why = status.message(),
                "a device is not given to a pod"
            );
        }
        Ok(AllocateResponse { containers: containers? })
    }

    /// The device of this id, if a pod can use it now.
    fn usable(&self, list: &[Offer], id: &str) -> Result<Offer, Status> {
        let refused = |why: String| Status::failed_precondition(format!("{id}: {why}"));
        let offer = list.iter().find(|offer| offer.device.as_str() == id);
        let offer = offer.ok_or_else(|| refused(format!("no device of {}", self.resource)))?;
        if !offer.healthy {
            return Err(refused("not to be given to pods".to_owned()));
        }
        let link = self.sysfs.join("bus/pci/devices").join(id).join("driver");
        let target = std::fs::read_link(&link).ok();
        let driver = target.as_deref().and_then(|target| target.file_name()?.to_str());
        match driver {
            Some(driver) if driver == offer.driver => Ok(offer.clone()),
            other => {
                Err(refused(format!("its driver is {}, and not {}", other.unwrap_or("none"), offer.driver)))
            }
        }
    }
}

/// Kubelet's stream. With it goes what is known of it, unless a later one has begun.
struct Streaming {
    sent: watch::Sender<Option<Sent>>,
    stream: Arc<()>,
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.sent.send_if_modified(|sent| {
            let own = sent.as_ref().is_some_and(|sent| Arc::ptr_eq(&sent.stream, &self.stream));
            if own {
                *sent = None;
            }
            own
        });
    }
}

fn device(offer: &Offer) -> Device {
    let health = if offer.healthy { HEALTHY } else { UNHEALTHY };
    let topology = offer.numa_node.map(|node| Topology { nodes: vec![NumaNode { id: i64::from(node) }] });
    Device { id: offer.device.to_string(), health: health.to_owned(), topology }
}

fn response(container: crate::plan::kubelet::Container) -> ContainerResponse {
    let nodes = container.nodes.into_iter().map(|node| NodeOfDevice {
        in_container: node.in_container,
        on_host: node.on_host,
        permissions: PERMISSIONS.to_owned(),
    });
    ContainerResponse { nodes: nodes.collect(), variables: container.variables }
}

/// Answers a call of one question.
async fn unary<Q, A>(request: Request<Incoming>, answer: impl Fn(Q) -> Result<A, Status>) -> Response<Body>
where
    Q: Message + Default + 'static,
    A: Message + 'static,
{
    let service = tower::service_fn(move |request: tonic::Request<Q>| {
        std::future::ready(answer(request.into_inner()).map(tonic::Response::new))
    });
    Grpc::new(ProstCodec::<A, Q>::default()).unary(service, request).await
}
