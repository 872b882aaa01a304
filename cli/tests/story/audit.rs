use client_core::{
    audit::AuditRefusal,
    client::{AuditView, Client, Outcome},
};
use protocol::{
    audit::{AuditKind, AuditPage, AuditPlace},
    values::List,
};

use crate::{
    person::{PASSWORD, Person, refusal, soon},
    relay::Relay,
    wire::Wire,
};

async fn log_of(person: &Person) -> AuditView {
    let Outcome::Audit(view) = soon("the log", person.host.command(Client::list_audit)).await.unwrap() else {
        panic!("another outcome");
    };
    view
}

fn kinds(view: &AuditView) -> Vec<AuditKind> {
    view.entries.iter().filter_map(|entry| entry.kind).collect()
}

/// From now on the relay changes its log so.
fn forge(wire: &Wire, change: impl Fn(&mut AuditPage) + Send + Sync + 'static) {
    wire.lie(move |path, body| {
        (path == "/v1/audit").then(|| {
            let mut page: AuditPage = serde_json::from_slice(body).unwrap();
            change(&mut page);
            serde_json::to_vec(&page).unwrap()
        })
    });
}

/// Ada has seen her log: a wrong password stands in it, and another device of hers.
async fn ada_knows_her_log(wire: &Wire) -> Person {
    let ada = Person::registered(wire, "ada").await;
    let stranger = Person::newcomer(wire).await;
    refusal(stranger.log_in("ada", "a horse, a battery and a stable").await);
    let second = Person::logged_in(wire, "ada", PASSWORD).await;
    second.closes().await;
    assert_eq!(log_of(&ada).await.refused, None);
    ada
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_reads_what_happened_and_which_try_was_somebody_elses() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = ada_knows_her_log(&wire).await;

    let view = log_of(&ada).await;

    assert_eq!(
        kinds(&view),
        [
            AuditKind::Registered,
            AuditKind::LoginTried,
            AuditKind::LoginTried,
            AuditKind::OpenedByPassword,
            AuditKind::DeviceAdded,
        ]
    );
    let went_on: Vec<bool> = view.entries.iter().map(|entry| entry.went_on).collect();
    assert_eq!(went_on, [false, false, true, false, false]);
    assert!(view.export.contains("\"device_added\"") && view.export.contains("\"hash\""));
    assert!(!view.cut);
}

async fn is_refused(wire: &Wire, ada: &Person, forged: impl Fn(&mut AuditPage) + Send + Sync + 'static) {
    forge(wire, forged);

    let view = log_of(ada).await;

    assert!(view.refused.is_some());
    assert_eq!(view.entries, [], "nothing of a refused log is shown");
    assert_eq!(ada.profile().await.audit_refused, view.refused, "and the person is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_its_newest_rows_is_refused_and_told() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = ada_knows_her_log(&wire).await;

    is_refused(&wire, &ada, |page| {
        page.rows = List::default();
        page.head = AuditPlace::START;
    })
    .await;

    assert_eq!(ada.profile().await.audit_refused, Some(AuditRefusal::RolledBack));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_hides_a_row_or_words_one_anew_is_refused_and_told() {
    for wording in [true, false] {
        let relay = Relay::start();
        let wire = Wire::to(relay.address()).await;
        let ada = ada_knows_her_log(&wire).await;

        is_refused(&wire, &ada, move |page| {
            let mut rows = std::mem::take(&mut page.rows).into_vec();
            if wording {
                rows[1].kind = AuditKind::SessionBegun.number();
            } else {
                rows.remove(1);
            }
            page.rows = List::new(rows).unwrap();
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_said_to_be_too_old_to_keep_is_refused_and_told() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = ada_knows_her_log(&wire).await;

    is_refused(&wire, &ada, |page| {
        page.rows = List::default();
        page.start = page.head;
    })
    .await;

    assert_eq!(ada.profile().await.audit_refused, Some(AuditRefusal::Dropped));
}

/// A refusal outlives a restart and an honest answer; only the person takes it back.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_log_stays_refused_until_the_person_begins_anew() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = ada_knows_her_log(&wire).await;
    is_refused(&wire, &ada, |page| page.head = AuditPlace::START).await;

    wire.lie(|_, _| None);
    let ada = Person::reopened(&wire, ada.closes().await).await;
    assert_eq!(log_of(&ada).await.refused, Some(AuditRefusal::RolledBack));

    ada.host.with(Client::restart_audit).await.unwrap().unwrap();
    assert_eq!(log_of(&ada).await.refused, None);
    assert_eq!(ada.profile().await.audit_refused, None);
}

/// What is new is checked when the client connects, with nobody looking.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_rolled_back_is_noticed_at_the_next_connection() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = ada_knows_her_log(&wire).await;
    let directory = ada.closes().await;
    forge(&wire, |page| {
        page.rows = List::default();
        (page.start, page.head) = (AuditPlace::START, AuditPlace::START);
    });

    let ada = Person::reopened(&wire, directory).await;

    let mut events = ada.host.listen();
    let told = async {
        while ada.profile().await.audit_refused.is_none() {
            events.until(|_| Some(())).await.unwrap();
        }
    };
    soon("the refusal", told).await;
}
