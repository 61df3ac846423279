//! Dispatch in a world where time and chance come from a seed: what a seed shows once, it shows every time.
//!
//! `RINGDOWN_SEEDS=N` lives through N seeds (2000 unless told), from `RINGDOWN_SEED` on (0 unless told). A failure
//! names its seed and tells its story; `RINGDOWN_SEED=S RINGDOWN_SEEDS=1` tells it again.
//! See `docs/decisions/0012-proof.md`.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod check;
mod provider;
mod story;
mod told;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use story::Story;
use world::World;

/// Their waits overlap: each step goes to a database thread and back.
const WORKERS: usize = 4;

#[derive(Default)]
struct Totals {
    stories: AtomicUsize,
    creates: AtomicUsize,
    deliveries: AtomicUsize,
    faults: AtomicUsize,
    crashes: AtomicUsize,
}

#[expect(clippy::disallowed_methods, reason = "settings of the tests")]
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |value| value.parse().unwrap())
}

/// Lives one seed; its trace, and what is wrong at its end.
async fn live(world: &mut World, seed: u64, totals: &Totals) -> (Vec<String>, Vec<String>) {
    let mut story = Story::new(world, seed).await;
    let faults = match story.live().await {
        Ok(()) => {
            story.look().await;
            check::faults(&story).await
        }
        Err(fault) => vec![fault],
    };
    totals.crashes.fetch_add(story.facts.crashes, Ordering::Relaxed);
    let [[deliveries]] =
        story.world.rows::<1>("SELECT CAST(count(*) AS TEXT) FROM deliveries").await.try_into().unwrap();
    let mut provider = story.world.provider.state();
    totals.stories.fetch_add(1, Ordering::Relaxed);
    totals.creates.fetch_add(provider.creates.len(), Ordering::Relaxed);
    totals.deliveries.fetch_add(deliveries.parse().unwrap(), Ordering::Relaxed);
    totals.faults.fetch_add(provider.faults, Ordering::Relaxed);
    (std::mem::take(&mut provider.trace), faults)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn no_story_ends_badly() {
    let (first, count) = (setting("RINGDOWN_SEED", 0), setting("RINGDOWN_SEEDS", 2000));
    let (next, totals) = (Arc::new(AtomicU64::new(first)), Arc::new(Totals::default()));
    let began = Instant::now();
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let (next, totals) = (Arc::clone(&next), Arc::clone(&totals));
            std::thread::spawn(move || {
                runtime().block_on(async {
                    let mut world = World::new(worker).await;
                    let mut bad = Vec::new();
                    while bad.len() < 3 {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= first + count {
                            break;
                        }
                        let (trace, faults) = live(&mut world, seed, &totals).await;
                        if !faults.is_empty() {
                            bad.push((seed, trace, faults));
                        }
                    }
                    world.end().await;
                    bad
                })
            })
        })
        .collect();
    let mut bad: Vec<_> = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
    bad.sort_by_key(|(seed, ..)| *seed);
    let number = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    eprintln!(
        "{} stories from seed {first} in {:.1} s: {} deliveries, {} calls and texts, {} faults, {} crashes in a step",
        number(&totals.stories),
        began.elapsed().as_secs_f64(),
        number(&totals.deliveries),
        number(&totals.creates),
        number(&totals.faults),
        number(&totals.crashes)
    );
    for (seed, trace, faults) in bad.iter().take(3) {
        eprintln!("\nseed {seed}:\n{}\n--- {}", trace.join("\n"), faults.join("\n--- "));
    }
    let seeds: Vec<u64> = bad.iter().map(|(seed, ..)| *seed).collect();
    assert!(
        seeds.is_empty(),
        "RINGDOWN_SEED={} RINGDOWN_SEEDS=1 tells the first of {seeds:?} again",
        seeds[0]
    );
    assert!(number(&totals.creates) > 0 || count < 10, "nobody was told of anything");
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    runtime().block_on(async {
        let mut world = World::new(WORKERS).await;
        let totals = Totals::default();
        for seed in 0..20 {
            let (once, _) = live(&mut world, seed, &totals).await;
            let (again, _) = live(&mut world, seed, &totals).await;
            assert_eq!(once, again, "seed {seed}");
        }
        world.end().await;
    });
}
