//! Lies in the account's audit log.

use protocol::{
    AccountId, UnixMillis,
    audit::{AuditPage, AuditPlace, AuditRow, hashed_bytes},
    values::{Exactly, List},
};
use sha2::{Digest as _, Sha256};
use sotto_client_core::{
    audit::AuditRefusal,
    client::{CommandErrorCode, Outcome},
};

use super::{bytes_of, json_of};
use crate::{
    strangers::profile,
    world::{Lie, World},
};

const AUDIT: &str = "/v1/audit";

/// A chain of rows of these kinds.
fn chain(account: AccountId, kinds: &[u16]) -> AuditPage {
    let mut head = AuditPlace::START;
    let mut rows = Vec::new();
    for kind in kinds {
        let number = head.number + 1;
        let row =
            AuditRow { number, kind: *kind, at: UnixMillis(1_800_000_000_000), device_id: None, detail: 0 };
        head = AuditPlace {
            number,
            hash: Exactly(Sha256::digest(hashed_bytes(&head.hash, account, &row)).into()),
        };
        rows.push(row);
    }
    AuditPage { start: AuditPlace::START, cut: None, rows: List::new(rows).unwrap(), head }
}

fn given(page: AuditPage) -> Lie {
    json_of(AUDIT, move |answer: &mut AuditPage| *answer = page.clone())
}

/// Ada has seen three rows; then the relay shows her this.
fn after(seed: u64, page: impl Fn(AccountId) -> AuditPage) -> (World, usize) {
    let mut world = World::new(seed);
    let ada = world.register("ada");
    let account = profile(&world, ada).account_id;
    world.lie = given(chain(account, &[1, 2, 3]));
    look(&mut world, ada).unwrap();
    assert_eq!(profile(&world, ada).audit_refused, None);
    world.lie = given(page(account));
    (world, ada)
}

fn look(world: &mut World, host: usize) -> Result<Outcome, CommandErrorCode> {
    let command = world.call(host, |client, cx| client.list_audit(cx));
    world.outcome(host, command).map_err(|error| error.code)
}

#[track_caller]
fn assert_refused((mut world, ada): (World, usize), refusal: AuditRefusal) {
    let Ok(Outcome::Audit(view)) = look(&mut world, ada) else { panic!("no view") };

    assert_eq!(view.refused, Some(refusal));
    assert!(view.entries.is_empty());
    assert_eq!(profile(&world, ada).audit_refused, Some(refusal), "shown wherever one looks");
}

#[test]
fn a_log_that_goes_on_is_believed() {
    let (mut world, ada) = after(200, |account| chain(account, &[1, 2, 3, 4]));

    let Ok(Outcome::Audit(view)) = look(&mut world, ada) else { panic!("no view") };

    assert_eq!((view.entries.len(), view.refused), (4, None));
}

#[test]
fn a_log_that_ends_earlier_is_refused() {
    assert_refused(after(201, |account| chain(account, &[1, 2])), AuditRefusal::RolledBack);
}

#[test]
fn a_log_with_another_row_is_refused() {
    assert_refused(after(202, |account| chain(account, &[1, 5, 3])), AuditRefusal::Rewritten);
}

#[test]
fn a_log_without_one_of_its_rows_is_refused() {
    assert_refused(after(203, |account| chain(account, &[1, 3, 6])), AuditRefusal::Rewritten);
}

#[test]
fn another_persons_log_is_refused() {
    let others = |_| chain(AccountId::from_bytes([66; 16]), &[1, 2, 3]);

    assert_refused(after(204, others), AuditRefusal::Rewritten);
}

#[test]
fn rows_that_are_announced_and_not_given_are_refused() {
    let kept_back = |account| AuditPage { rows: List::default(), ..chain(account, &[1, 2, 3, 4]) };

    assert_refused(after(205, kept_back), AuditRefusal::Dropped);
}

#[test]
fn what_is_no_log_is_told() {
    let (mut world, ada) = after(206, |account| chain(account, &[1, 2, 3]));
    world.lie = bytes_of(AUDIT, |body| *body = b"<html>".to_vec());

    assert_eq!(look(&mut world, ada), Err(CommandErrorCode::RelayMisbehaved));
}
