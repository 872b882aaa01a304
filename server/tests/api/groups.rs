//! Groups: create, commit, post, read, acknowledge, on both engines (D-1 … D-11).

use protocol::deltas::Role;
use protocol::groups::{EntryKind, GroupKind, GroupsPage, Posted, StoredGroupInfo, WelcomesPage};
use protocol::values::{Bytes, Exactly};
use protocol::{ErrorCode, GroupId, MessageId};

use crate::member::{Member, deltas, device_of, fresh, person, revoke, texts};
use crate::relay::{Call, TestRelay, on_both_engines};

#[tokio::test]
async fn messages_come_back_in_order_to_every_member() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        for (number, text) in ["one", "two", "three"].into_iter().enumerate() {
            let posted: Posted = alice.post(&relay, &alice.message(group, 1, text)).await.cbor();
            assert_eq!(posted.seq, number as u64 + 2);
        }

        let page = bob.page(&relay, group, 1).await;

        assert_eq!(texts(&page), ["one", "two", "three"]);
        assert_eq!((page.head, page.gap), (4, None));
        assert_eq!(texts(&bob.page(&relay, group, 3).await), ["three"]);
    })
    .await;
}

#[tokio::test]
async fn the_same_post_again_has_the_same_seq_and_other_content_is_a_conflict() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        let message = alice.message(group, 1, "one");
        let first: Posted = alice.post(&relay, &message).await.cbor();
        let mut other = message.clone();
        other.ciphertext = Bytes::new(*b"two").unwrap();

        let again: Posted = alice.post(&relay, &message).await.cbor();
        let conflict = alice.post(&relay, &other).await.problem();

        assert_eq!(again, first);
        assert_eq!((conflict.code, conflict.facts.seq), (ErrorCode::MessageConflict, Some(2)));
        assert_eq!(bob.page(&relay, group, 0).await.head, 2);
        // The id is the sender's own: another member may use it for another post.
        let bobs: Posted = bob.post(&relay, &other).await.cbor();
        assert_eq!(bobs.seq, 3);
    })
    .await;
}

#[tokio::test]
async fn a_double_is_recognised_after_the_epoch_and_the_membership_have_changed() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        let message = bob.message(group, 1, "one");
        let first: Posted = bob.post(&relay, &message).await.cbor();
        let gone = deltas(&[], &[&bob], vec![(bob.account_id, None)]);
        let removal = alice.bundle(group, 1, EntryKind::Commit, gone);
        alice.commit(&relay, &removal).await.cbor::<Posted>();

        let again: Posted = bob.post(&relay, &message).await.cbor();

        assert_eq!(again, first);
        let fresh = bob.post(&relay, &bob.message(group, 2, "two")).await;
        assert_eq!(fresh.code(), ErrorCode::NotFound);
    })
    .await;
}

#[tokio::test]
async fn one_commit_wins_the_epoch_and_the_other_is_told_where_the_group_stands() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        let none = || deltas(&[], &[], vec![]);
        let winner = alice.bundle(group, 1, EntryKind::Commit, none());
        let loser = bob.bundle(group, 1, EntryKind::Commit, none());

        let won: Posted = alice.commit(&relay, &winner).await.cbor();
        let lost = bob.commit(&relay, &loser).await.problem();
        let again: Posted = alice.commit(&relay, &winner).await.cbor();

        assert_eq!((lost.code, lost.facts.epoch, lost.facts.head), (ErrorCode::StaleEpoch, Some(2), Some(2)));
        assert_eq!(again, won);
        let info: StoredGroupInfo =
            bob.send(&relay, Call::get(format!("/v1/groups/{group}/info"))).await.cbor();
        assert_eq!((info.epoch, info.seq, &*info.group_info), (2, 2, b"info of epoch 2".as_slice()));
    })
    .await;
}

#[tokio::test]
async fn of_many_commits_at_once_exactly_one_wins() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        let bundles: Vec<_> =
            (0..16).map(|_| alice.bundle(group, 1, EntryKind::Commit, deltas(&[], &[], vec![]))).collect();

        let mut tasks = tokio::task::JoinSet::new();
        for bundle in bundles {
            let call = Call::post(format!("/v1/groups/{group}/commits")).cbor(&bundle).bearer(&alice.token);
            tasks.spawn(relay.sending(call));
        }
        let answers = tasks.join_all().await;

        let won = answers.iter().filter(|answer| answer.status.is_success()).count();
        assert_eq!(won, 1);
        assert!(answers.iter().filter(|a| !a.status.is_success()).all(|a| a.code() == ErrorCode::StaleEpoch));
        assert_eq!(bob.page(&relay, group, 0).await.head, 2);
    })
    .await;
}

#[tokio::test]
async fn messages_of_the_previous_epoch_are_taken_for_ten_seconds_and_never_after_a_removal() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let carol = person(&relay).await;
        let group = alice.create(&relay, &[&bob, &carol]).await;
        let update = alice.bundle(group, 1, EntryKind::Commit, deltas(&[], &[], vec![]));
        alice.commit(&relay, &update).await.cbor::<Posted>();

        let in_grace = bob.post(&relay, &bob.message(group, 1, "late")).await;
        assert!(in_grace.status.is_success(), "{}", in_grace.text());
        relay.advance_seconds(11);
        let stale = bob.post(&relay, &bob.message(group, 1, "too late")).await.problem();
        assert_eq!(
            (stale.code, stale.facts.epoch, stale.facts.head),
            (ErrorCode::StaleEpoch, Some(2), Some(3))
        );

        let removal = deltas(&[], &[&carol], vec![(carol.account_id, None)]);
        alice.commit(&relay, &alice.bundle(group, 2, EntryKind::Commit, removal)).await.cbor::<Posted>();
        assert_eq!(bob.post(&relay, &bob.message(group, 2, "late")).await.code(), ErrorCode::StaleEpoch);
        assert_eq!(bob.post(&relay, &bob.message(group, 9, "early")).await.code(), ErrorCode::StaleEpoch);
    })
    .await;
}

#[tokio::test]
async fn a_pair_has_one_live_direct_group_and_the_second_creator_learns_its_id() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let direct = |creator: &Member, peer: &Member| {
            let mut request = creator.creation(&[peer]);
            request.kind = GroupKind::Direct;
            request.peer = Some(peer.account_id);
            request
        };
        let first = direct(&alice, &bob);
        alice.send(&relay, Call::post("/v1/groups").cbor(&first)).await.cbor::<Posted>();

        let second = bob.send(&relay, Call::post("/v1/groups").cbor(&direct(&bob, &alice))).await.problem();
        let again: Posted = alice.send(&relay, Call::post("/v1/groups").cbor(&first)).await.cbor();

        assert_eq!(
            (second.code, second.facts.group_id),
            (ErrorCode::GroupExists, Some(first.bundle.group_id))
        );
        assert_eq!(again.seq, 1);
    })
    .await;
}

#[tokio::test]
async fn an_account_has_one_direct_group_with_itself() {
    on_both_engines(async |relay| {
        let [alice, _] = people(&relay).await;
        let second = device_of(&relay, alice.account_id).await;
        let own = |creator: &Member, other: &Member| {
            let mut request = creator.creation(&[other]);
            request.kind = GroupKind::Direct;
            request.peer = Some(creator.account_id);
            request
        };
        let first = own(&alice, &second);

        alice.send(&relay, Call::post("/v1/groups").cbor(&first)).await.cbor::<Posted>();
        let again = second.send(&relay, Call::post("/v1/groups").cbor(&own(&second, &alice))).await.problem();

        assert_eq!((again.code, again.facts.group_id), (ErrorCode::GroupExists, Some(first.bundle.group_id)));
        let inbox: WelcomesPage = second.send(&relay, Call::get("/v1/welcomes")).await.cbor();
        assert_eq!(inbox.welcomes.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_account_comes_in_with_all_its_devices_or_not_at_all() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let bobs_second = device_of(&relay, bob.account_id).await;

        let half = alice.send(&relay, Call::post("/v1/groups").cbor(&alice.creation(&[&bob]))).await;
        assert_eq!(half.code(), ErrorCode::IncompleteMembers);
        let whole = alice.creation(&[&bob, &bobs_second]);
        alice.send(&relay, Call::post("/v1/groups").cbor(&whole)).await.cbor::<Posted>();
    })
    .await;
}

#[tokio::test]
async fn a_refused_creation_leaves_nothing_behind() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        device_of(&relay, bob.account_id).await;
        let refused = alice.creation(&[&bob]);
        let group = refused.bundle.group_id;
        assert!(!alice.send(&relay, Call::post("/v1/groups").cbor(&refused)).await.status.is_success());

        let page: GroupsPage = alice.send(&relay, Call::get("/v1/groups")).await.cbor();

        assert!(page.groups.is_empty());
        let entries = alice.send(&relay, Call::get(format!("/v1/groups/{group}/entries"))).await;
        assert_eq!(entries.code(), ErrorCode::NotFound);
    })
    .await;
}

#[tokio::test]
async fn a_new_device_joins_by_external_commit_and_reads_from_there() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        alice.post(&relay, &alice.message(group, 1, "before")).await.cbor::<Posted>();
        let second = device_of(&relay, bob.account_id).await;
        let listed: GroupsPage = second.send(&relay, Call::get("/v1/groups")).await.cbor();
        assert_eq!((listed.groups[0].group_id, listed.groups[0].acknowledged), (group, None));

        let join = second.bundle(group, 1, EntryKind::ExternalCommit, deltas(&[&second], &[], vec![]));
        let joined: Posted = second.commit(&relay, &join).await.cbor();
        second.post(&relay, &second.message(group, 2, "here")).await.cbor::<Posted>();

        assert_eq!(joined.seq, 3);
        assert_eq!(texts(&second.page(&relay, group, 0).await), ["here"]);
        let listed: GroupsPage = second.send(&relay, Call::get("/v1/groups")).await.cbor();
        assert_eq!(listed.groups[0].acknowledged, Some(3));
    })
    .await;
}

#[tokio::test]
async fn an_external_commit_of_a_stranger_or_for_somebody_else_is_refused() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let mallory = person(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        let bobs_second = device_of(&relay, bob.account_id).await;

        let stranger = mallory.bundle(group, 1, EntryKind::ExternalCommit, deltas(&[&mallory], &[], vec![]));
        let other = deltas(&[&bobs_second], &[], vec![]);
        let for_other = alice.bundle(group, 1, EntryKind::ExternalCommit, other);

        assert_eq!(mallory.commit(&relay, &stranger).await.code(), ErrorCode::NotFound);
        assert_eq!(alice.commit(&relay, &for_other).await.code(), ErrorCode::DeltasRefused);
    })
    .await;
}

#[tokio::test]
async fn a_removed_device_reads_up_to_its_removal_and_no_further() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        alice.post(&relay, &alice.message(group, 1, "before")).await.cbor::<Posted>();
        let removal = deltas(&[], &[&bob], vec![(bob.account_id, None)]);
        alice.commit(&relay, &alice.bundle(group, 1, EntryKind::Commit, removal)).await.cbor::<Posted>();
        alice.post(&relay, &alice.message(group, 2, "after")).await.cbor::<Posted>();

        let page = bob.page(&relay, group, 0).await;

        assert_eq!((texts(&page), page.head), (vec!["before".to_owned()], 3));
        let info = bob.send(&relay, Call::get(format!("/v1/groups/{group}/info"))).await;
        assert_eq!(info.code(), ErrorCode::NotFound);
        assert!(bob.send(&relay, Call::get("/v1/groups")).await.cbor::<GroupsPage>().groups.is_empty());
    })
    .await;
}

#[tokio::test]
async fn roles_decide_what_a_commit_may_do() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let [carol, dave] = people(&relay).await;
        let group = alice.create(&relay, &[&bob, &carol]).await;
        let adds = deltas(&[&dave], &[], vec![(dave.account_id, Some(Role::Member))]);
        let removes = deltas(&[], &[&carol], vec![(carol.account_id, None)]);
        let promotes = deltas(&[], &[], vec![(bob.account_id, Some(Role::Admin))]);

        for refused in [&adds, &removes, &promotes] {
            let bundle = bob.bundle(group, 1, EntryKind::Commit, refused.clone());
            assert_eq!(bob.commit(&relay, &bundle).await.code(), ErrorCode::Forbidden, "{refused:?}");
        }
        for (epoch, taken) in [(1, adds), (2, removes), (3, promotes)] {
            alice
                .commit(&relay, &alice.bundle(group, epoch, EntryKind::Commit, taken))
                .await
                .cbor::<Posted>();
        }
        let stays =
            bob.bundle(group, 4, EntryKind::Commit, deltas(&[], &[&dave], vec![(dave.account_id, None)]));
        bob.commit(&relay, &stays).await.cbor::<Posted>();
    })
    .await;
}

#[tokio::test]
async fn any_member_removes_a_revoked_device() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let bobs_second = device_of(&relay, bob.account_id).await;
        let carol = person(&relay).await;
        let group = alice.create(&relay, &[&bob, &bobs_second, &carol]).await;
        let removal =
            |epoch| carol.bundle(group, epoch, EntryKind::Commit, deltas(&[], &[&bobs_second], vec![]));

        assert_eq!(carol.commit(&relay, &removal(1)).await.code(), ErrorCode::Forbidden);
        revoke(&relay, &bobs_second).await;
        carol.commit(&relay, &removal(1)).await.cbor::<Posted>();
    })
    .await;
}

#[tokio::test]
async fn a_commit_with_a_bad_signature_changes_nothing() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        let good = alice.bundle(group, 1, EntryKind::Commit, deltas(&[], &[], vec![]));
        let mut unsigned = good.clone();
        unsigned.signature = Exactly([0; 64]);
        let mut other_deltas = good.clone();
        other_deltas.deltas =
            Bytes::new(deltas(&[], &[&bob], vec![(bob.account_id, None)]).encode().unwrap()).unwrap();
        let mut others_key = good.clone();
        others_key.signature = bob.sign(good.clone()).signature;

        for bad in [unsigned, other_deltas, others_key] {
            assert_eq!(alice.commit(&relay, &bad).await.code(), ErrorCode::SignatureInvalid);
        }
        let posted: Posted = alice.commit(&relay, &good).await.cbor();
        assert_eq!(posted.seq, 2);
    })
    .await;
}

#[tokio::test]
async fn a_welcome_waits_for_each_added_device_until_that_device_takes_it() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let carol = person(&relay).await;
        let group = alice.create(&relay, &[&bob, &carol]).await;

        let page: WelcomesPage = bob.send(&relay, Call::get("/v1/welcomes")).await.cbor();
        let welcome = &page.welcomes[0];
        let path = format!("/v1/welcomes/{}", welcome.welcome_id);

        assert_eq!((welcome.group_id, welcome.seq, &*welcome.welcome), (group, 1, b"a welcome".as_slice()));
        assert_eq!(carol.send(&relay, Call::delete(&path)).await.code(), ErrorCode::NotFound);
        assert_eq!(bob.send(&relay, Call::delete(&path)).await.status, 204);
        assert_eq!(bob.send(&relay, Call::delete(&path)).await.code(), ErrorCode::NotFound);
        let of = async |member: &Member| {
            member.send(&relay, Call::get("/v1/welcomes")).await.cbor::<WelcomesPage>().welcomes.len()
        };
        assert_eq!((of(&alice).await, of(&bob).await, of(&carol).await), (0, 0, 1));
    })
    .await;
}

#[tokio::test]
async fn a_welcome_for_others_than_the_added_is_refused() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let mut missing = alice.creation(&[&bob]);
        missing.bundle.welcome = None;
        let mut elsewhere = alice.creation(&[&bob]);
        elsewhere.bundle.welcome_devices = protocol::values::List::new(vec![alice.device_id]).unwrap();

        for refused in [missing, elsewhere] {
            let answer = alice.send(&relay, Call::post("/v1/groups").cbor(&refused)).await;
            assert_eq!(answer.code(), ErrorCode::DeltasRefused);
        }
    })
    .await;
}

#[tokio::test]
async fn content_that_every_device_has_is_cut_and_a_laggard_is_told_the_gap() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        for text in ["one", "two", "three"] {
            alice.post(&relay, &alice.message(group, 1, text)).await.cbor::<Posted>();
        }
        alice.acknowledge(&relay, group, 4).await;
        bob.acknowledge(&relay, group, 3).await;
        bob.acknowledge(&relay, group, 2).await;
        // Beyond the log: counts for nothing.
        bob.acknowledge(&relay, group, 99).await;

        relay.app.sweep().await.unwrap();

        let page = bob.page(&relay, group, 0).await;
        assert_eq!(texts(&page), ["three"]);
        let gap = page.gap.unwrap();
        assert_eq!((gap.from, gap.to, page.head), (1, 3, 4));
        let doubled = bob.page(&relay, group, 3).await;
        assert_eq!((texts(&doubled), doubled.gap), (vec!["three".to_owned()], None));
    })
    .await;
}

#[tokio::test]
async fn retention_cuts_old_messages_and_keeps_commits_and_doubles() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        let update = alice.bundle(group, 1, EntryKind::Commit, deltas(&[], &[], vec![]));
        alice.commit(&relay, &update).await.cbor::<Posted>();
        let message = alice.message(group, 2, "old");
        let first: Posted = alice.post(&relay, &message).await.cbor();
        relay.advance_seconds(30 * 86_400 - 60);
        let alice = alice.renewed(&relay);
        let again: Posted = alice.post(&relay, &message).await.cbor();
        assert_eq!(again, first);
        relay.advance_seconds(120);
        let bob = bob.renewed(&relay);

        relay.app.sweep().await.unwrap();

        let page = bob.page(&relay, group, 1).await;
        assert_eq!(page.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [2]);
        let rest = bob.page(&relay, group, 2).await;
        assert_eq!(rest.gap.map(|gap| (gap.from, gap.to)), Some((3, 3)));
    })
    .await;
}

#[tokio::test]
async fn what_a_device_may_not_see_is_not_found() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let mallory = person(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        let nowhere = GroupId::from_bytes(fresh());

        for group in [group, nowhere] {
            for call in [
                Call::get(format!("/v1/groups/{group}/entries")),
                Call::get(format!("/v1/groups/{group}/info")),
                Call::post(format!("/v1/groups/{group}/messages")).cbor(&mallory.message(group, 1, "hi")),
                Call::post(format!("/v1/groups/{group}/commits")).cbor(&mallory.bundle(
                    group,
                    1,
                    EntryKind::Commit,
                    deltas(&[], &[], vec![]),
                )),
            ] {
                let answer = mallory.send(&relay, call.clone()).await;
                assert_eq!(answer.code(), ErrorCode::NotFound, "{call:?}");
            }
        }
        mallory.acknowledge(&relay, group, 1).await;
        assert_eq!(alice.page(&relay, group, 0).await.head, 1);
    })
    .await;
}

#[tokio::test]
async fn malformed_bodies_and_paths_are_refused_and_nothing_changes() {
    let relay = TestRelay::start().await;
    let [alice, bob] = people(&relay).await;
    let group = alice.create(&relay, &[&bob]).await;
    let message = protocol::socket::to_bytes(&alice.message(group, 1, "whole"));
    let path = format!("/v1/groups/{group}/messages");
    let cbor =
        |bytes: &[u8]| Call::post(&path).header("content-type", "application/cbor").bytes(bytes.to_vec());

    for length in 0..message.len() {
        let answer = alice.send(&relay, cbor(&message[..length])).await;
        assert_eq!(answer.code(), ErrorCode::Malformed, "{length} bytes");
    }
    let behind = [message.as_slice(), &[0]].concat();
    assert_eq!(alice.send(&relay, cbor(&behind)).await.code(), ErrorCode::Malformed);
    let as_json = Call::post(&path).header("content-type", "application/json").bytes(message.clone());
    assert_eq!(alice.send(&relay, as_json).await.code(), ErrorCode::UnsupportedMediaType);
    let large = cbor(&vec![0; protocol::limits::CBOR_BODY_BYTES_MAX + 1]);
    assert_eq!(alice.send(&relay, large).await.code(), ErrorCode::BodyTooLarge);
    let elsewhere = Call::post(format!("/v1/groups/{}/messages", GroupId::from_bytes(fresh())))
        .header("content-type", "application/cbor")
        .bytes(message.clone());
    assert_eq!(alice.send(&relay, elsewhere).await.code(), ErrorCode::Malformed);
    for path in ["/v1/groups/xx/entries", "/v1/groups/AAAA/info"] {
        assert_eq!(alice.send(&relay, Call::get(path)).await.code(), ErrorCode::NotFound);
    }
    let query = Call::get(format!("/v1/groups/{group}/entries?after=-1"));
    assert_eq!(alice.send(&relay, query).await.code(), ErrorCode::Malformed);
    assert_eq!(bob.page(&relay, group, 0).await.head, 1);
}

#[tokio::test]
async fn the_list_of_groups_comes_in_pages_by_id() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let mut made = Vec::new();
        for _ in 0..3 {
            made.push(alice.create(&relay, &[&bob]).await);
        }
        made.sort_unstable();

        let all: GroupsPage = bob.send(&relay, Call::get("/v1/groups")).await.cbor();
        let after: GroupsPage =
            bob.send(&relay, Call::get(format!("/v1/groups?after={}", made[0]))).await.cbor();

        assert_eq!(all.groups.iter().map(|group| group.group_id).collect::<Vec<_>>(), made);
        assert_eq!(all.groups[0].accounts.len(), 2);
        assert_eq!(after.groups.iter().map(|group| group.group_id).collect::<Vec<_>>(), made[1..]);
    })
    .await;
}

#[tokio::test]
async fn a_group_survives_a_restart_with_its_order_and_its_doubles() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        let message = alice.message(group, 1, "one");
        let first: Posted = alice.post(&relay, &message).await.cbor();

        let relay = relay.restart().await;

        let again: Posted = alice.post(&relay, &message).await.cbor();
        let next: Posted = bob.post(&relay, &bob.message(group, 1, "two")).await.cbor();
        assert_eq!((again, next.seq), (first, 3));
    })
    .await;
}

#[tokio::test]
async fn the_stored_log_names_no_sender() {
    let relay = TestRelay::start().await;
    let [alice, bob] = people(&relay).await;
    let group = alice.create(&relay, &[&bob]).await;
    let message = alice.message(group, 1, "one");
    alice.post(&relay, &message).await.cbor::<Posted>();
    let (device, account, id) = (alice.device_id, alice.account_id, message.message_id);

    let found = relay.app.db.read(async move |conn| {
        let all = "select count(*) from entries where kind = 0 and (hex(double_tag) || hex(posted_hash)
             || hex(content) || hex(group_id)) like '%' || hex($1) || '%'";
        let mut found = Vec::new();
        for needle in [*device.as_bytes(), *account.as_bytes(), *MessageId::as_bytes(&id)] {
            found.push(sotto::storage::query(all).bind(needle).fetch_one(conn).await?.get::<u64>(0)?);
        }
        Ok::<_, sotto::storage::StorageError>(found)
    });

    assert_eq!(found.await.unwrap(), [0, 0, 0]);
}

pub(crate) async fn people(relay: &TestRelay) -> [Member; 2] {
    [person(relay).await, person(relay).await]
}
