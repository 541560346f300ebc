//! What is done, and what of it is measured.

use std::{path::Path, time::Duration};

use anyhow::{Result, bail, ensure};
use kube::Client;
use tokio::time::Instant;

use super::{
    ControllerBench,
    bounds::Buckets,
    cluster,
    process::Controller,
    region::Region,
    report::{BringUp, Report, Rest, Restart, TakeAway},
};
use crate::testbed::Testbed;

/// How often is looked whether something is done.
const LOOK: Duration = Duration::from_millis(100);

/// How much longer than its bound something may take before it is given up.
const PATIENCE: Duration = Duration::from_mins(10);

/// A bench, set up.
pub(super) struct Bench<'a> {
    options: &'a ControllerBench,
    testbed: &'a Testbed,
    binary: &'a Path,
    buckets: &'a Buckets,
    region: Region,
    client: Client,
    controller: Controller,
}

impl<'a> Bench<'a> {
    /// Makes the region and the nodes, and starts the controller.
    pub(super) async fn new(
        options: &'a ControllerBench,
        testbed: &'a Testbed,
        binary: &'a Path,
        buckets: &'a Buckets,
    ) -> Result<Self> {
        let url = testbed.ec2_endpoint().unwrap_or_default();
        let region = Region::make(url, options.node_count(), options.node_enis(), &buckets.setting())?;
        let client = testbed.kube_client()?;
        cluster::make_nodes(&client, &region).await?;
        let controller = Controller::start(binary, testbed, buckets, 1)?;
        let mut bench = Self { options, testbed, binary, buckets, region, client, controller };
        bench.until("the controller leads", async |bench| Ok(bench.is_quiet(0))).await?;
        Ok(bench)
    }

    /// Measures everything.
    pub(super) async fn run(&mut self) -> Result<Report> {
        let bring_up = self.bring_up().await?;
        // What the sweep and the listings after a change ask is over by then.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let rest = self.rest().await?;
        let restart = self.restart().await?;
        let take_away = self.take_away().await?;
        let count = self.options.attachments;
        let nodes = self.options.node_count();
        let release = self.options.release;
        Ok(Report {
            attachments: count,
            nodes,
            release,
            speed: self.options.speed,
            bring_up,
            rest,
            restart,
            take_away,
        })
    }

    /// Waits until something is so.
    async fn until(&mut self, what: &str, is: impl AsyncFn(&Self) -> Result<bool>) -> Result<Duration> {
        let begun = Instant::now();
        let bound = self.buckets.bring_up(self.count()) + self.buckets.take_away(self.count());
        while !is(self).await? {
            self.controller.check_alive()?;
            self.testbed.check_alive()?;
            if begun.elapsed() > PATIENCE + Duration::from_secs_f64(bound) {
                bail!("not so after {:?}: {what}", begun.elapsed());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(begun.elapsed())
    }

    fn count(&self) -> f64 {
        f64::from(self.options.attachments)
    }

    /// Whether the controller leads, has looked after so many instances, and is doing nothing.
    fn is_quiet(&self, passes: u32) -> bool {
        let metric = |name, labels| self.controller.metric(name, labels);
        let leads = metric("eni_operator_leader", "").is_some_and(|leads| leads > 0.0);
        let running = metric("eni_operator_passes_running", "").unwrap_or(1.0);
        let done = metric("eni_operator_passes_total", "queue=\"instances\"").unwrap_or_default();
        leads
            && running < 0.5
            && done >= f64::from(passes)
            && self.controller.has_said("caught up with the API server")
    }

    async fn bring_up(&mut self) -> Result<BringUp> {
        let count = u64::from(self.options.attachments);
        self.region.forget_calls()?;
        let before = cluster::writes(&self.client).await?;
        let begun = Instant::now();
        cluster::make_node_enis(&self.client, &self.region).await?;
        self.until("all are attached", async |bench| {
            let attached = bench.region.done("AttachNetworkInterface")? >= count;
            Ok(attached && bench.region.done("ModifyNetworkInterfaceAttribute")? >= count)
        })
        .await?;
        let seconds = begun.elapsed().as_secs_f64();
        self.until("the NodeENIs say so", async |bench| {
            Ok(cluster::told(&bench.client).await?.0 == i64::from(bench.options.attachments))
        })
        .await?;
        let told_seconds = begun.elapsed().as_secs_f64();
        let writes = cluster::between(&before, &cluster::writes(&self.client).await?);
        ensure!(self.region.enis()? == self.options.attachments as usize, "not as many ENIs as asked for");
        let bound_seconds = self.buckets.bring_up(self.count());
        let peak_mib = self.controller.usage()?.peak;
        Ok(BringUp { seconds, bound_seconds, told_seconds, calls: self.region.calls()?, writes, peak_mib })
    }

    /// Nothing happens but heartbeats.
    async fn rest(&mut self) -> Result<Rest> {
        let time = Duration::from_secs(self.options.rest);
        let still = {
            self.region.forget_calls()?;
            let before = (cluster::writes(&self.client).await?, self.controller.usage()?);
            tokio::time::sleep(time).await;
            let writes = cluster::between(&before.0, &cluster::writes(&self.client).await?);
            (self.region.calls()?, writes, self.controller.usage()?.cpu - before.1.cpu)
        };
        let before = self.controller.usage()?;
        let heartbeats = cluster::heartbeats(&self.client, self.region.instances.len(), time).await?;
        let after = self.controller.usage()?;
        let (calls, writes, cpu_seconds) = still;
        Ok(Rest {
            seconds: time.as_secs(),
            calls,
            writes,
            cpu_seconds,
            heartbeats,
            heartbeat_cpu_seconds: after.cpu - before.cpu,
            resident_mib: after.resident,
        })
    }

    async fn restart(&mut self) -> Result<Restart> {
        self.controller.stop()?;
        self.region.forget_calls()?;
        let before = cluster::writes(&self.client).await?;
        self.controller = Controller::start(self.binary, self.testbed, self.buckets, 2)?;
        self.until("the lease is held", async |bench| {
            Ok(bench.controller.metric("eni_operator_leader", "").is_some_and(|leads| leads > 0.0))
        })
        .await?;
        let nodes = self.options.node_count();
        let seconds = self.until("all are looked after", async |bench| Ok(bench.is_quiet(nodes))).await?;
        let calls = self.region.calls()?;
        let writes = cluster::between(&before, &cluster::writes(&self.client).await?);
        Ok(Restart { seconds: seconds.as_secs_f64(), calls, writes, peak_mib: self.controller.usage()?.peak })
    }

    async fn take_away(&mut self) -> Result<TakeAway> {
        let count = u64::from(self.options.attachments);
        self.region.forget_calls()?;
        let begun = Instant::now();
        cluster::delete_node_enis(&self.client).await?;
        self.until(
            "all are deleted",
            async |bench| Ok(bench.region.done("DeleteNetworkInterface")? >= count),
        )
        .await?;
        let seconds = begun.elapsed().as_secs_f64();
        self.until("the NodeENIs are gone", async |bench| Ok(cluster::told(&bench.client).await?.1 == 0))
            .await?;
        ensure!(self.region.enis()? == 0, "ENIs are left");
        let bound_seconds = self.buckets.take_away(self.count());
        Ok(TakeAway {
            seconds,
            bound_seconds,
            gone_seconds: begun.elapsed().as_secs_f64(),
            calls: self.region.calls()?,
            peak_mib: self.controller.usage()?.peak,
        })
    }
}
