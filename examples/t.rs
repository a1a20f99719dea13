use ansatz::base::{random::Key, threads::Pool};
use ansatz::contract::*;
use ansatz::systems;
fn main() {
    let entry = systems::find("gpicl").unwrap();
    let name = std::env::args().nth(1).unwrap_or("quick".into());
    let only = std::env::args().nth(2).unwrap_or_default();
    let study = (entry.open)(entry.preset(&name).unwrap().text).unwrap_or_else(|e| panic!("{e:?}"));
    println!("{:?}", study.cost());
    let mut results = vec![];
    let specs: Vec<_> = study.trials().into_iter().filter(|s| s.name.contains(&only)).collect();
    println!("{} trials", specs.len());
    let start = std::time::Instant::now();
    let queue = std::sync::Mutex::new(specs.into_iter());
    let out = std::sync::Mutex::new(&mut results);
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| loop {
        let Some(spec) = queue.lock().unwrap().next() else { break };
        let t = std::time::Instant::now();
        let setup = Setup { key: Key::new(1), pool: Pool::serial() };
        let mut trial = study.start(&spec, &setup).unwrap();
        let mut events: Vec<Event> = vec![];
        let mut train = std::time::Duration::ZERO;
        loop { let t = std::time::Instant::now(); let f = trial.step(&mut events).unwrap(); if trial.progress().step <= 150 { train = train + t.elapsed(); } if f == Flow::Done { break } }
        let mut r = TrialResult::new(spec.clone());
        events.iter().for_each(|e| r.apply(e));
        r.closing = Some(Closing::Done);
        println!("{:14} {:.1}s train {:.1}s loss {:.3} seen {:.2?}/{:.2?} unseen {:.2?}/{:.2?} perm {:.2?} wine {:.2?} iris {:.2?} bc {:.2?} rp {:.2?} params {:?}", spec.name, t.elapsed().as_secs_f64(), train.as_secs_f64(), r.last("loss").unwrap(), r.last("seen.first"), r.last("seen.last"), r.last("unseen.first"), r.last("unseen.last"), r.last("permuted.last"), r.last("wine.last"), r.last("iris.last"), r.last("breast-cancer.last"), r.last("random_pairs.last"), r.last("parameters"));
        out.lock().unwrap().push(r);
    });
        }
    });
    println!("{:.1}s", start.elapsed().as_secs_f64());
    let v = study.judge(&results);
    println!("{}", v.sentence);
    for c in v.checks.iter().chain(&v.controls) {
        println!("{} {} {} {:?} {:?} {} {}", c.id, c.says, c.statistic, c.effect, c.interval, c.threshold, c.passed);
    }
}
