//! Members, contacts and rules from a file, and what a later file leaves as it is.

use engine::import::{self, Imported};
use serde_json::{Value, json};

use crate::world::World;

scenarios!(
    what_a_file_does_not_say_stays,
    what_a_file_does_not_say_of_somebody_new_is_as_usual,
    a_phone_that_is_verified_here_stays_so_by_the_ways_it_was,
    another_number_is_not_verified_by_the_first,
);

const ANN: &str = "+14145550123";
const BOB: &str = "+14145550124";

async fn load(w: &World, file: &Value) -> Imported {
    import::load(&w.engine, file.to_string().as_bytes()).await.unwrap()
}

/// Ada with one phone, and no more than must be said.
fn bare(number: &str, method: &str) -> Value {
    json!({
        "members": [{ "username": "ada" }],
        "contacts": [{ "id": 1, "owner": "ada", "kind": "phone", "phone": number, "method": method }],
    })
}

/// Method, the one that waits for its code, and when it was verified, of each contact.
async fn phones(w: &World) -> Vec<String> {
    let sql = "SELECT method || ' ' || COALESCE(wanted_method, '-') || ' ' ||
                   COALESCE(CAST(verified_ms AS TEXT), '-')
               FROM contacts ORDER BY phone";
    w.column(sql).await
}

async fn what_a_file_does_not_say_stays(w: &World) {
    let rule = json!({ "owner": "ada", "description": "All", "category": "superevent", "contacts": [1] });
    let mut whole = json!({
        "members": [{ "username": "ada", "name": "Ada", "email": "ada@example.org", "is_member": false,
            "roles": ["admin"], "time_zone": "Europe/Rome" }],
        "contacts": [{ "id": 1, "owner": "ada", "kind": "phone", "phone": ANN, "method": "call",
            "verified": true, "description": "Mobile" }],
        "rules": [rule],
    });
    whole["rules"][0]["paused"] = json!(true);
    whole["rules"][0]["every_alert"] = json!(true);
    assert_eq!(load(w, &whole).await, Imported { added: 3, ..Imported::default() });
    let mut less = bare(ANN, "call");
    less["rules"] = json!([rule]);
    assert_eq!(load(w, &less).await, Imported { unchanged: 3, ..Imported::default() });
    // What it says is changed, and nothing beside that.
    less["members"][0]["name"] = json!("Ada Lovelace");
    assert_eq!(load(w, &less).await, Imported { changed: 1, unchanged: 2, ..Imported::default() });
    whole["members"][0]["name"] = json!("Ada Lovelace");
    assert_eq!(load(w, &whole).await, Imported { unchanged: 3, ..Imported::default() });
    // No role at all is said by an empty list.
    less["members"][0]["roles"] = json!([]);
    load(w, &less).await;
    assert_eq!(w.count("members WHERE is_admin").await, 0);
}

async fn what_a_file_does_not_say_of_somebody_new_is_as_usual(w: &World) {
    assert_eq!(load(w, &bare(ANN, "text")).await, Imported { added: 2, ..Imported::default() });
    let usual = "members WHERE username = 'ada' AND name = 'ada' AND email = '' AND time_zone = 'UTC'
                 AND is_member AND NOT is_admin AND NOT is_demo";
    assert_eq!(w.count(usual).await, 1);
    assert_eq!(w.value("SELECT description FROM contacts").await, "Phone");
    assert_eq!(phones(w).await, ["text - -"]);
    let away = json!({ "members": [{ "username": "bob", "is_member": false, "roles": ["admin"] }] });
    assert_eq!(load(w, &away).await, Imported { added: 1, ..Imported::default() });
    assert_eq!(w.count("members WHERE username = 'bob' AND is_admin AND NOT is_member").await, 1);
}

async fn a_phone_that_is_verified_here_stays_so_by_the_ways_it_was(w: &World) {
    load(w, &bare(ANN, "call")).await;
    w.sql("UPDATE contacts SET verified_ms = 5").await;
    assert_eq!(load(w, &bare(ANN, "call")).await, Imported { unchanged: 2, ..Imported::default() });
    assert_eq!(phones(w).await, ["call - 5"]);
    // A call has not proven that texts arrive.
    for changed in [1, 0] {
        let done = load(w, &bare(ANN, "both")).await;
        assert_eq!(done, Imported { changed, unchanged: 2 - changed, ..Imported::default() });
        assert_eq!(phones(w).await, ["call both 5"]);
    }
    let mut vouched = bare(ANN, "both");
    vouched["contacts"][0]["verified"] = json!(true);
    load(w, &vouched).await;
    assert_eq!(phones(w).await, ["both - 5"]);
    load(w, &bare(ANN, "text")).await;
    assert_eq!(phones(w).await, ["text - 5"]);
}

async fn another_number_is_not_verified_by_the_first(w: &World) {
    load(w, &bare(ANN, "call")).await;
    w.sql("UPDATE contacts SET verified_ms = 5").await;
    load(w, &bare(BOB, "call")).await;
    assert_eq!(phones(w).await, ["call - 5", "call - -"]);
}
