//! The threads that run devices: one a core, and on each as many devices as there are.

use super::{
    drive::DeviceTime,
    life::{Lived, Plan, World, live as live_one},
};
use crate::{city::City, fleet::Pace};
use std::{
    cell::Cell, fs, io, net::SocketAddr, num::NonZero, rc::Rc, sync::Arc, thread, time::Duration,
};
use tokio::{
    runtime,
    sync::{oneshot, watch},
    task::{LocalSet, spawn_local},
    time::sleep_until,
};

/// What the devices of a run share.
#[derive(Clone, Debug)]
pub(in super::super) struct Fleet {
    pub(in super::super) mqtt: SocketAddr,
    pub(in super::super) city: Arc<City>,
    pub(in super::super) pace: Pace,
    /// How far the devices' time is behind ours at the start, µs.
    pub(in super::super) behind_us: u64,
    /// When all lose their connections, µs of the devices' time.
    pub(in super::super) storms_us: Vec<u64>,
    /// How long a device's time stands still for an answer, and how long the platform has for
    /// what is left in the queues.
    pub(in super::super) give_up_after: Duration,
    /// New connections a second.
    pub(in super::super) connects_per_s: u32,
    /// Threads; the machine's cores if None.
    pub(in super::super) threads: Option<u32>,
}

/// What the threads ended with.
#[derive(Default)]
pub(in super::super) struct Ended {
    pub(in super::super) lived: Vec<Lived>,
    /// Processor time, s.
    pub(in super::super) cpu_s: f64,
    pub(in super::super) problems: Vec<String>,
}

/// Lives the devices' lives, until their ends or until `stop` turns true.
pub(in super::super) async fn live(
    fleet: &Fleet,
    plans: Vec<Plan>,
    stop: &watch::Receiver<bool>,
) -> Ended {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = fleet.threads.map_or(cores, |threads| threads as usize);
    let mut shares: Vec<Vec<(usize, Plan)>> = vec![Vec::new(); threads.min(plans.len())];
    let count = shares.len();
    for (number, plan) in plans.into_iter().enumerate() {
        shares[number % count].push((number, plan));
    }
    let mut answers = Vec::new();
    let mut ended = Ended::default();
    for share in shares {
        let (answer, answered) = oneshot::channel();
        let (fleet, stop) = (fleet.clone(), stop.clone());
        let work = move || drop(answer.send(work(&fleet, share, stop)));
        match thread::Builder::new().name("devices".into()).spawn(work) {
            Ok(_) => answers.push(answered),
            Err(error) => ended
                .problems
                .push(format!("no thread for devices: {error}")),
        }
    }
    for answered in answers {
        match answered.await {
            Ok(Ok((lived, cpu_s))) => {
                ended.lived.extend(lived);
                ended.cpu_s += cpu_s;
            }
            Ok(Err(error)) => ended
                .problems
                .push(format!("no runtime for devices: {error}")),
            Err(_) => ended
                .problems
                .push("a thread with devices ended early".to_owned()),
        }
    }
    ended
}

/// One thread's devices.
fn work(
    fleet: &Fleet,
    share: Vec<(usize, Plan)>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<(Vec<Lived>, f64)> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let stopped = Rc::new(Cell::new(false));
    let world = Rc::new(World {
        mqtt: fleet.mqtt,
        city: fleet.city.clone(),
        storms_us: fleet.storms_us.clone().into(),
        give_up_after: fleet.give_up_after,
        stopped: stopped.clone(),
    });
    let lived = LocalSet::new().block_on(&runtime, async {
        let devices: Vec<_> = share
            .into_iter()
            .map(|(number, plan)| spawn_local(one(fleet.clone(), world.clone(), number, plan)))
            .collect();
        spawn_local(async move {
            if stop.wait_for(|stop| *stop).await.is_ok() {
                stopped.set(true);
            }
        });
        let mut lived = Vec::new();
        for device in devices {
            lived.push(device.await.map_err(io::Error::other)?);
        }
        io::Result::Ok(lived)
    })?;
    Ok((lived, cpu_s()))
}

async fn one(fleet: Fleet, world: Rc<World>, number: usize, plan: Plan) -> Lived {
    let wait_s = number as f64 / f64::from(fleet.connects_per_s);
    sleep_until(fleet.pace.start + Duration::from_secs_f64(wait_s)).await;
    let time = DeviceTime::new(fleet.pace, fleet.behind_us, fleet.give_up_after);
    live_one(plan, &world, Rc::new(time)).await
}

/// Processor time of this thread, s; 0 where the system doesn't tell.
fn cpu_s() -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat");
    let ns = told
        .ok()
        .and_then(|told| told.split(' ').next()?.parse().ok());
    ns.unwrap_or(0.0_f64) / 1e9
}
