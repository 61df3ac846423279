//! Small packets of our own, in GraceDB's form.

use serde_json::json;

/// A packet about a superevent; for a label's coming or going, `label` names it.
pub fn superevent(id: &str, kind: &str, far: f64, labels: &[&str], label: Option<&str>) -> Vec<u8> {
    let object = json!({
        "superevent_id": id,
        "preferred_event": "G1",
        "far": far,
        "labels": labels,
        "preferred_event_data": {
            "graceid": "G1", "group": "CBC", "pipeline": "gstlal", "search": "AllSky", "far": far,
            "offline": false, "instruments": "H1,L1", "labels": [],
        },
    });
    let data = label.map_or_else(|| object.clone(), |name| json!({ "name": name }));
    json!({ "uid": id, "alert_type": kind, "data": data, "object": object }).to_string().into_bytes()
}

/// `new`, without labels.
pub fn new(id: &str, far: f64) -> Vec<u8> {
    superevent(id, "new", far, &[], None)
}

/// `label_added`, the label being the only one.
pub fn labelled(id: &str, far: f64, label: &str) -> Vec<u8> {
    superevent(id, "label_added", far, &[label], Some(label))
}

/// The public notice that a superevent was retracted.
pub fn retraction(id: &str) -> Vec<u8> {
    let url = format!("https://gracedb.example.org/superevents/{id}/view/");
    json!({
        "alert_type": "RETRACTION", "superevent_id": id, "time_created": "2023-01-01T00:00:00Z",
        "urls": { "gracedb": url }, "event": null, "external_coinc": null,
    })
    .to_string()
    .into_bytes()
}

/// A packet about an event of gstlal, in a superevent or in none.
pub fn event(id: &str, kind: &str, far: f64, superevent: Option<&str>) -> Vec<u8> {
    let object = json!({
        "graceid": id, "group": "CBC", "pipeline": "gstlal", "search": "AllSky", "far": far,
        "offline": false, "instruments": "H1,L1", "labels": [], "superevent": superevent,
    });
    json!({ "uid": id, "alert_type": kind, "data": object, "object": object }).to_string().into_bytes()
}
