//! Loads a proxy, is its endpoint too, and says what that cost it: one scenario, one line of JSON.
//!
//! `load SCENARIO key=value…`; `benches/compare/run` knows the scenarios and their keys.

mod client;
mod endpoint;
mod frames;
mod http2;
mod link;
mod proxy;
mod scenarios;
mod shared;
mod tls;
mod world;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use client::{Purpose, Target};
use proxy::Proxy;
use scenarios::{Figures, Run};
use tls::{Tickets, client_config, server_config};
use world::World;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let scenario = arguments.next().ok_or("which scenario?")?;
    let arguments =
        Arguments(arguments.filter_map(|it| it.split_once('=').map(|(k, v)| (k.into(), v.into()))).collect());
    let figures = measure(&scenario, &arguments)?;
    let fields: Vec<_> = figures.iter().map(|(name, value)| format!("\"{name}\": {value:.3}")).collect();
    println!("{{{}}}", fields.join(", "));
    Ok(())
}

fn measure(scenario: &str, arguments: &Arguments) -> Result<Figures, Box<dyn Error>> {
    let proxy = Proxy::of(arguments.need("pid")?)?;
    let tls = arguments.need::<String>("tls")?;
    let endpoint_tls = match tls.as_str() {
        "both" => Some(server_config(&arguments.need::<PathBuf>("chain")?, &arguments.need::<PathBuf>("key")?)?),
        _ => None,
    };
    let mut world = World::new(arguments.need("endpoint")?, endpoint_tls)?;
    let tickets = match tls.as_str() {
        "off" => None,
        "full" | "both" => Some(Tickets::Thrown),
        "resumed" => Some(Tickets::Kept),
        other => return Err(format!("tls={other}").into()),
    };
    let streams: usize = arguments.or("streams", 0)?;
    let protocol = if streams > 0 { &b"h2"[..] } else { b"http/1.1" };
    let path: String = arguments.or("path", "/echo".into())?;
    let target = Target {
        address: arguments.need("target")?,
        tls: tickets.map(|tickets| client_config(tickets, protocol)).transpose()?,
        purpose: if path.starts_with("/body/") { Purpose::Exchange } else { Purpose::Tunnel },
        path,
        streams: (streams > 0).then_some(streams),
    };
    let run = Run {
        tunnels: arguments.or("tunnels", 64)?,
        size: arguments.or("size", 64)?,
        count: arguments.or("count", 0)?,
        time: Duration::from_secs_f64(arguments.or("seconds", 1.0)?),
    };
    Ok(match scenario {
        "idle" => {
            let steps = arguments.need::<String>("steps")?;
            let steps = steps.split(',').map(str::parse).collect::<Result<Vec<_>, _>>()?;
            scenarios::idle(&mut world, &target, &proxy, &steps, run.size)?
        }
        "siblings" => scenarios::siblings(&mut world, &target, &proxy, run.tunnels)?,
        "saturated" => scenarios::saturated(&mut world, &target, &proxy, &run)?,
        "paced" => scenarios::paced(&mut world, &target, &proxy, &run, arguments.need("rate")?)?,
        "visits" => scenarios::visits(&mut world, &target, &proxy, &run)?,
        other => return Err(format!("there is no scenario {other}").into()),
    })
}

struct Arguments(BTreeMap<String, String>);

impl Arguments {
    fn need<T: FromStr<Err: Error + 'static>>(&self, key: &str) -> Result<T, Box<dyn Error>> {
        Ok(self.0.get(key).ok_or_else(|| format!("{key}= is missing"))?.parse()?)
    }

    fn or<T: FromStr<Err: Error + 'static>>(&self, key: &str, default: T) -> Result<T, Box<dyn Error>> {
        self.0.get(key).map_or(Ok(default), |value| Ok(value.parse()?))
    }
}
