//! What the service promises, asked of SQLite and of PostgreSQL with the same words.
//!
//! Easily got wrong: the world's clock stands still and is moved by hand, the simulator's runs. Whatever
//! concerns the simulator is waited for by asking it, never by a pause.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

/// Makes each scenario two tests, named after the database that it runs on.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let world = crate::world::World::on_sqlite().await;
                super::$name(&world).await;
                world.end().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(world) = crate::world::World::on_postgres().await {
                    super::$name(&world).await;
                    world.end().await;
                }
            }
        }
    )+};
}

mod accounts;
mod breaker;
mod broker;
mod callbacks;
mod clocks;
mod contacts;
mod conversation;
mod dispatch;
mod expires;
mod follow;
mod gaps;
mod history;
mod igwn;
mod import;
mod intake;
mod names;
mod openapi;
mod own_record;
mod packets;
mod phones;
mod quiet;
mod rates;
mod remedies;
mod rules;
mod selftest;
mod speech;
mod superevents;
mod threads;
mod unknown;
mod verification;
mod world;
