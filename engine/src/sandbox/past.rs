//! A few real superevents, as facts (GraceDB's public superevent data: time, FAR,
//! labels, search), and the packets that GraceDB would have sent for them.

use model::time::Millis;
use serde_json::{Value, json};

/// A superevent that happened.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    /// Its id.
    pub id: &'static str,
    /// When GraceDB made it.
    created: &'static str,
    /// GPS seconds.
    t_0: f64,
    /// False-alarm rate in Hz.
    pub far: f64,
    /// What it is known as.
    pub note: &'static str,
    pipeline: &'static str,
    instruments: &'static str,
    /// Secondary mass in solar masses, for the NS candidate.
    mass2: f64,
    /// In the order in which they are attached.
    pub labels: &'static [&'static str],
}

/// The superevents of the sandbox, oldest first.
pub const PAST: &[Past] = &[
    Past {
        id: "S190425z",
        created: "2019-04-25 08:18:26 UTC",
        t_0: 1_240_215_503.011_549,
        far: 4.537_647_871_262_62e-13,
        note: "two neutron stars",
        pipeline: "gstlal",
        instruments: "L1,V1",
        mass2: 1.4,
        labels: &["EM_READY", "DQOK", "GCN_PRELIM_SENT", "ADVOK"],
    },
    Past {
        id: "S190521g",
        created: "2019-05-21 03:02:49 UTC",
        t_0: 1_242_442_967.606_934,
        far: 3.801_055_010_692_62e-9,
        note: "two heavy black holes",
        pipeline: "pycbc",
        instruments: "H1,L1,V1",
        mass2: 66.0,
        labels: &["EM_READY", "DQOK", "GCN_PRELIM_SENT", "ADVOK"],
    },
    Past {
        id: "S190822c",
        created: "2019-08-22 01:30:23 UTC",
        t_0: 1_250_472_617.589_203,
        far: 6.145_184_709_956_557e-18,
        note: "retracted",
        pipeline: "gstlal",
        instruments: "H1,L1,V1",
        mass2: 1.4,
        labels: &["EM_READY", "DQOK", "GCN_PRELIM_SENT", "ADVNO"],
    },
    Past {
        id: "S200115j",
        created: "2020-01-15 04:23:40 UTC",
        t_0: 1_263_097_407.752_869,
        far: 2.094_357_933_916_521e-11,
        note: "a neutron star and a black hole",
        pipeline: "gstlal",
        instruments: "H1,L1,V1",
        mass2: 1.5,
        labels: &["EM_READY", "DQOK", "GCN_PRELIM_SENT", "ADVOK"],
    },
];

impl Past {
    /// When GraceDB made it.
    pub fn created(&self) -> Millis {
        Millis::parse_gracedb(self.created).unwrap_or_default()
    }

    /// `new`, then `label_added` for each label, as if it happened at `at`.
    pub fn packets(&self, at: Millis) -> Vec<Value> {
        let at = gracedb_time(at);
        let mut packets = vec![json!({
            "uid": self.id,
            "alert_type": "new",
            "data": self.superevent(&at, 0),
            "object": self.superevent(&at, 0),
        })];
        for (i, label) in self.labels.iter().enumerate() {
            packets.push(json!({
                "uid": self.id,
                "alert_type": "label_added",
                "data": { "name": label, "creator": "sandbox", "created": at },
                "object": self.superevent(&at, i + 1),
            }));
        }
        packets
    }

    fn superevent(&self, created: &str, labels: usize) -> Value {
        let event = format!("G{}", self.id.bytes().fold(300_000_u32, |n, b| n + u32::from(b)));
        json!({
            "superevent_id": self.id,
            "gw_id": null,
            "category": "Production",
            "created": created,
            "submitter": "sandbox",
            "preferred_event": event,
            "em_type": null,
            "t_start": self.t_0 - 1.0,
            "t_0": self.t_0,
            "t_end": self.t_0 + 1.0,
            "gw_events": [event],
            "em_events": [],
            "far": self.far,
            "labels": self.labels.get(..labels).unwrap_or_default(),
            "links": {},
            "preferred_event_data": {
                "graceid": event,
                "group": "CBC",
                "pipeline": self.pipeline,
                "search": "AllSky",
                "gpstime": self.t_0,
                "instruments": self.instruments,
                "offline": false,
                "far": self.far,
                "labels": [],
                "superevent": self.id,
                "extra_attributes": { "SingleInspiral": [{ "ifo": "L1", "mass2": self.mass2 }] },
            },
        })
    }
}

/// `2019-04-25 08:18:26 UTC`.
fn gracedb_time(at: Millis) -> String {
    let text = at.rfc3339();
    let seconds = text.get(..19).unwrap_or(&text).replace('T', " ");
    format!("{seconds} UTC")
}
