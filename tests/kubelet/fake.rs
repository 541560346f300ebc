//! A kubelet that does what the real one does, in its order, and on demand what that does only by chance.
//!
//! Its ways are those of `pkg/kubelet/cm/devicemanager`: it removes sockets when it starts; it dials the plugin and
//! asks for its options before it answers `Register`; then it asks for the list. Of a stream that ends it
//! disconnects whatever plugin has the resource's name by then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::UnixListener;
use tokio::task::{AbortHandle, JoinSet};
use tonic::Status;
use tonic::transport::Channel;

use super::grpc::{call, dial, serve, streamed, unary};
use super::messages::{
    Allocatable, Container, Device, Devices, Given, Ids, IdsOfEach, List, Nothing, Options, Pod, Pods,
    PreferredOf, PreferredQuestion, Register,
};

/// A running kubelet. It is killed when it is dropped; its sockets stay.
pub(crate) struct Kubelet {
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
pub(crate) struct State {
    folder: PathBuf,
    /// All devices, by resource, and whether they are healthy.
    pub(crate) devices: BTreeMap<String, BTreeMap<String, bool>>,
    /// Every list that came, in order.
    pub(crate) lists: Vec<(String, Vec<Device>)>,
    /// Resources whose plugin is gone.
    pub(crate) stopped: BTreeSet<String>,
    /// How often each resource was registered.
    pub(crate) registered: BTreeMap<String, u32>,
    /// Calls about pods' resources.
    pub(crate) asked: u32,
    /// Devices that pods hold, with the pods' names.
    pub(crate) held: BTreeMap<(String, String), &'static str>,
    /// How often yet to remove the plugin's socket while it registers.
    pub(crate) cleans: u32,
    /// Whether it does not ask for lists.
    pub(crate) deaf: bool,
    clients: BTreeMap<String, (u32, Channel, Option<AbortHandle>)>,
    next: u32,
}

pub(crate) fn device_plugins(root: &Path) -> PathBuf {
    root.join("device-plugins")
}

pub(crate) fn pod_resources(root: &Path) -> PathBuf {
    root.join("pod-resources.sock")
}

impl Kubelet {
    /// Starts one in a folder.
    pub(crate) fn start(root: &Path) -> Self {
        Self::with(root, |_| {})
    }

    /// Starts one with habits.
    pub(crate) fn with(root: &Path, habits: impl FnOnce(&mut State)) -> Self {
        let folder = device_plugins(root);
        std::fs::create_dir_all(&folder).unwrap();
        clean(&folder);
        let mut state = State { folder: folder.clone(), ..State::default() };
        habits(&mut state);
        let state = Arc::new(Mutex::new(state));
        let mut tasks = JoinSet::new();
        let registrar = state.clone();
        tasks.spawn(serve(UnixListener::bind(folder.join("kubelet.sock")).unwrap(), move |request| {
            let state = registrar.clone();
            unary(request, move |question| register(state.clone(), question))
        }));
        let _ = std::fs::remove_file(pod_resources(root));
        let lister = state.clone();
        tasks.spawn(serve(UnixListener::bind(pod_resources(root)).unwrap(), move |request| {
            let state = lister.clone();
            async move {
                lock(&state).asked += 1;
                if request.uri().path().ends_with("/List") {
                    unary(request, |_: Nothing| std::future::ready(Ok(lock(&state).pods()))).await
                } else {
                    unary(request, |_: Nothing| std::future::ready(Ok(lock(&state).allocatable()))).await
                }
            }
        }));
        Self { state, _tasks: tasks }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Asks the plugin of a resource for devices, as for a pod's container.
    pub(crate) async fn allocate(&self, resource: &str, ids: &[&str]) -> Result<Given, Status> {
        let channel = self.channel(resource)?;
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        call(&channel, "/v1beta1.DevicePlugin/Allocate", IdsOfEach { containers: vec![Ids { ids }] }).await
    }

    /// Asks which devices would be best.
    pub(crate) async fn preferred(&self, resource: &str, question: PreferredOf) -> Vec<String> {
        let channel = self.channel(resource).unwrap();
        let question = PreferredQuestion { containers: vec![question] };
        let answer: IdsOfEach =
            call(&channel, "/v1beta1.DevicePlugin/GetPreferredAllocation", question).await.unwrap();
        answer.containers[0].ids.clone()
    }

    fn channel(&self, resource: &str) -> Result<Channel, Status> {
        let state = self.state();
        if state.stopped.contains(resource) {
            return Err(Status::unavailable("the endpoint has stopped"));
        }
        let client = state.clients.get(resource).map(|(_, channel, _)| channel.clone());
        client.ok_or_else(|| Status::unavailable("no endpoint"))
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        for (_, _, streaming) in std::mem::take(&mut self.state().clients).into_values() {
            streaming.inspect(AbortHandle::abort);
        }
    }
}

impl State {
    /// The devices of a resource, and whether they are healthy.
    pub(crate) fn of(&self, resource: &str) -> BTreeMap<String, bool> {
        self.devices.get(resource).cloned().unwrap_or_default()
    }

    fn pods(&self) -> Pods {
        let pod = |((resource, id), name): (&(String, String), &&str)| Pod {
            name: (*name).to_owned(),
            namespace: "default".to_owned(),
            containers: vec![Container {
                name: "c".to_owned(),
                devices: vec![Devices { resource: resource.clone(), ids: vec![id.clone()] }],
            }],
        };
        let mut pods: Vec<Pod> = self.held.iter().map(pod).collect();
        pods.push(Pod { name: "without".to_owned(), namespace: "default".to_owned(), containers: vec![] });
        Pods { pods }
    }

    fn allocatable(&self) -> Allocatable {
        let each = self.devices.iter().flat_map(|(resource, devices)| {
            let healthy = devices.iter().filter(|(_, healthy)| **healthy);
            healthy.map(|(id, _)| Devices { resource: resource.clone(), ids: vec![id.clone()] })
        });
        Allocatable { devices: each.collect() }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap()
}

fn clean(folder: &Path) {
    use std::os::unix::fs::FileTypeExt;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_socket() {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

async fn register(state: Arc<Mutex<State>>, request: Register) -> Result<Nothing, Status> {
    if request.version != "v1beta1" || !request.resource.contains('/') {
        return Err(Status::unknown("bad registration"));
    }
    let (folder, cleans) = {
        let mut state = lock(&state);
        let cleans = state.cleans > 0;
        state.cleans -= u32::from(cleans);
        *state.registered.entry(request.resource.clone()).or_default() += 1;
        (state.folder.clone(), cleans)
    };
    let socket = folder.join(&request.endpoint);
    if cleans {
        std::fs::remove_file(&socket).unwrap();
    }
    let channel = dial(&socket).await.map_err(Status::unknown)?;
    let options: Options = call(&channel, "/v1beta1.DevicePlugin/GetDevicePluginOptions", Nothing {}).await?;
    assert_eq!(Some(&options), request.options.as_ref());
    let (number, deaf) = {
        let mut state = lock(&state);
        state.next += 1;
        let number = state.next;
        state.stopped.remove(&request.resource);
        state.clients.insert(request.resource.clone(), (number, channel.clone(), None));
        (number, state.deaf)
    };
    if !deaf {
        let streaming = tokio::spawn(run(state.clone(), request.resource.clone(), channel));
        if let Some(client) = lock(&state).clients.get_mut(&request.resource) {
            client.2 = Some(streaming.abort_handle()).filter(|_| client.0 == number);
        }
    }
    Ok(Nothing {})
}

/// Takes lists for as long as they come.
async fn run(state: Arc<Mutex<State>>, resource: String, channel: Channel) {
    let lists = streamed(&channel, "/v1beta1.DevicePlugin/ListAndWatch", Nothing {}).await;
    if let Ok(mut lists) = lists {
        while let Ok(Some(List { devices })) = lists.message().await {
            let mut state = lock(&state);
            let healthy = |device: &Device| (device.id.clone(), device.health == "Healthy");
            state.devices.insert(resource.clone(), devices.iter().map(healthy).collect());
            state.lists.push((resource.clone(), devices));
        }
    }
    let mut state = lock(&state);
    // Whatever plugin has the name by now.
    if let Some((_, _, streaming)) = state.clients.remove(&resource) {
        state.stopped.insert(resource.clone());
        for healthy in state.devices.entry(resource).or_default().values_mut() {
            *healthy = false;
        }
        streaming.inspect(AbortHandle::abort);
    }
}
