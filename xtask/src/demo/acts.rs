//! What happens, in order.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use eni_operator::api::{NodeENI, NodeENIAttachment};
use kube::{Api, Client, ResourceExt, api::ListParams};
use serde_json::{Value, json};

use super::{
    DEADLINE, DemoOptions,
    controller::{CLUSTER, Controller},
    nodes,
    region::Region,
    report::Report,
    rows::Row,
    script::{self, EXAMPLE},
    stage::{Cluster, Stage},
    table::Table,
};
use crate::{crds, progress::pretty};

/// How often the cluster is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// A performance.
pub(super) struct Play<'a> {
    stage: &'a Stage,
    once: bool,
    example: NodeENI,
    region: Region,
    client: Client,
    controller: Option<Controller>,
    table: Table,
    report: Report,
}

impl<'a> Play<'a> {
    /// Makes the region. Nothing is in the cluster yet.
    pub(super) fn new(stage: &'a Stage, options: &DemoOptions) -> Result<Self> {
        let example = script::example()?;
        let nodes = usize::try_from(options.nodes).context("count the nodes")?;
        let region = Region::make(stage.ec2.url(), &example.spec, nodes)?;
        let table = Table::new(region.subnet_names.clone(), nodes * script::enis_per_node(&example));
        let report = Report { nodes, zones: region.zones(), ..Report::default() };
        let client = stage.cluster.client()?;
        Ok(Self { stage, once: options.once, example, region, client, controller: None, table, report })
    }

    /// What happened.
    pub(super) fn into_report(self) -> Report {
        self.report
    }

    /// All of it.
    pub(super) async fn acts(&mut self, started: Instant) -> Result<()> {
        self.set_up().await?;
        self.report.seconds.set_up = started.elapsed().as_secs_f64();
        self.bring_up().await?;
        if self.once {
            return self.tear_down().await;
        }
        println!("{}", script::hints(&self.example, &self.stage.cluster.kubeconfig(), self.stage.ec2.url()));
        self.table.leave();
        self.keep_showing().await
    }

    async fn set_up(&mut self) -> Result<()> {
        let selector = self.labels();
        if let Cluster::Users(_) = self.stage.cluster {
            nodes::refuse_others(&self.client, &selector).await?;
        }
        crds::install(self.stage.cluster.config()?)?;
        nodes::create(&self.client, &self.region.instances, &selector).await?;
        let aws = self.stage.ec2.environment();
        let kubeconfig = self.stage.cluster.kubeconfig_of_controller()?;
        self.controller = Some(Controller::start(&self.stage.operator, &kubeconfig, &aws)?);
        println!("\nKubernetes: {}", self.stage.cluster.describe());
        println!("EC2:        ec2-sim at {}", self.stage.ec2.url());
        println!("nodes:      {} in {} zones", self.report.nodes, self.report.zones);
        println!("controller: eni-operator, with its log in {}", Controller::log());
        Ok(())
    }

    async fn bring_up(&mut self) -> Result<()> {
        self.region.forget_calls()?;
        let started = Instant::now();
        self.stage.kubectl.run(&["apply", "-f", EXAMPLE])?;
        println!();
        let expected = self.report.nodes * script::enis_per_node(&self.example);
        let rows = self.until_ready(expected).await?;
        let owned = self.region.owned_by(CLUSTER)?;
        ensure!(
            owned == expected,
            "{expected} ENIs are ready, but {owned} in EC2 have the tag of the cluster {CLUSTER}"
        );
        self.report.seconds.bring_up = started.elapsed().as_secs_f64();
        self.report.enis = rows;
        self.report.set_bring_up(self.region.calls()?);
        println!(
            "\n{expected} ENIs on {} nodes in {}, with {:.1} changing EC2 calls per ENI and {} reads in all",
            self.report.nodes,
            pretty(started.elapsed()),
            self.report.mutating_per_eni,
            self.report.reads,
        );
        Ok(())
    }

    async fn tear_down(&mut self) -> Result<()> {
        self.region.forget_calls()?;
        let started = Instant::now();
        self.table.leave();
        self.remove_node_eni().await?;
        self.report.seconds.tear_down = started.elapsed().as_secs_f64();
        self.report.ec2_calls.tear_down = self.region.calls()?;
        self.report.left_over = self.region.owned_by(CLUSTER)?;
        ensure!(
            self.report.left_over == 0,
            "the NodeENI is gone, but {} ENIs with the tag of the cluster {CLUSTER} are left in EC2",
            self.report.left_over
        );
        println!("\nall gone in {}, and nothing is left in EC2", pretty(started.elapsed()));
        Ok(())
    }

    /// Deletes the `NodeENI`, if it is there, and waits until it is gone.
    pub(super) async fn remove_node_eni(&mut self) -> Result<()> {
        if self.controller.is_none() || self.node_eni().await?.is_none() {
            return Ok(());
        }
        self.stage.kubectl.run(&["delete", "nodeeni", &self.example.name_any(), "--wait=false"])?;
        println!();
        let deadline = Instant::now() + DEADLINE;
        loop {
            let rows = self.look().await?;
            if rows.is_empty() && self.node_eni().await?.is_none() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let waiting = format!("the NodeENI to go: {} of its ENIs are left", rows.len());
                return Err(self.too_late(&waiting, rows.first()));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Asks the controller to end, if it runs.
    pub(super) fn stop_controller(&mut self) -> Result<()> {
        self.controller.take().map_or(Ok(()), |mut controller| controller.stop())
    }

    async fn until_ready(&mut self, expected: usize) -> Result<Vec<Row>> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let rows = self.look().await?;
            let ready = rows.iter().filter(|row| row.is_ready()).count();
            if ready == expected && rows.len() == expected {
                return Ok(rows);
            }
            if Instant::now() > deadline {
                let waiting = format!("{expected} ENIs to be attached and ready: {ready} are");
                let worst = rows.iter().find(|row| !row.is_ready());
                return Err(self.too_late(&waiting, worst).context(self.verdict().await));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn keep_showing(&mut self) -> Result<()> {
        loop {
            self.look().await?;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Looks at the ENIs once, and shows them. Fails if a part has ended.
    async fn look(&mut self) -> Result<Vec<Row>> {
        self.stage.check_alive()?;
        if let Some(controller) = &mut self.controller {
            controller.check_alive()?;
        }
        let attachments: Api<NodeENIAttachment> = Api::all(self.client.clone());
        let list = attachments.list(&ListParams::default()).await.context("list the NodeENIAttachments")?;
        let mut rows: Vec<Row> = list.items.iter().map(Row::of).collect();
        rows.sort_by_key(|row| (row.node.clone(), self.region.subnet_names.get(&row.subnet).cloned()));
        self.table.show(&rows)?;
        Ok(rows)
    }

    async fn node_eni(&self) -> Result<Option<NodeENI>> {
        let node_enis: Api<NodeENI> = Api::all(self.client.clone());
        node_enis.get_opt(&self.example.name_any()).await.context("get the NodeENI")
    }

    fn too_late(&self, waiting: &str, row: Option<&Row>) -> anyhow::Error {
        let row = row.map(|row| format!("; {} says: {}", row.node, row.reason)).unwrap_or_default();
        let words = self.controller.as_ref().map(Controller::last_words).unwrap_or_default();
        anyhow::anyhow!("after {} s still waiting for {waiting}{row}{words}", DEADLINE.as_secs())
    }

    /// What the `NodeENI` itself says.
    async fn verdict(&self) -> String {
        let status = self.node_eni().await.ok().flatten().and_then(|object| object.status);
        let conditions = status.map(|status| status.conditions).unwrap_or_default();
        let said =
            conditions.iter().map(|c| format!("{}={} ({}: {})", c.type_, c.status, c.reason, c.message));
        format!("the NodeENI says {}", said.collect::<Vec<_>>().join(", "))
    }

    fn labels(&self) -> Value {
        json!(self.example.spec.node_selector)
    }
}
