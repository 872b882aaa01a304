//! Lies to a device that comes into a group: other groups, older ones, and invitations that nobody made.

use protocol::{
    groups::{GroupSummary, GroupsPage, StoredGroupInfo, StoredWelcome, WelcomesPage},
    values::{Bytes, List},
};
use sotto_client_core::client::{CommandErrorCode, Method, Notice, UnreadableReason};

use super::{Talk, bytes_of, cbor_of, flipped};
use crate::{strangers::start_chat, world::Lie};

const GROUPS: &str = "/v1/groups/";

/// Changes what is told of a group to whoever joins from outside.
fn info_as(change: impl Fn(&mut StoredGroupInfo) + 'static) -> Lie {
    let of_infos = cbor_of(GROUPS, change);
    Box::new(
        move |host, request, answer| {
            if request.path.ends_with("/info") { of_infos(host, request, answer) } else { answer }
        },
    )
}

/// Ada's second device is told that it can't come into the conversation, and sends nothing into what the relay made up.
#[track_caller]
fn assert_kept_out(mut talk: Talk, lie: Lie) {
    talk.world.lie = lie;

    let second = talk.world.log_in("ada");
    talk.world.settle();

    let told = talk.notices(second);
    assert_eq!(told, [Notice::Unreadable { reason: UnreadableReason::Forked }]);
    let group = talk.group;
    let refused = talk.world.call(second, |client, cx| client.send_text(group, "only for ben", cx));
    assert_eq!(refused.unwrap_err().code, CommandErrorCode::NotAllowed);
    // Those who were in it go on.
    talk.say(talk.ada, "still here");
    talk.world.settle();
    assert!(talk.texts(talk.ben).contains(&"still here".to_owned()));
}

#[test]
fn the_state_of_another_group_is_refused() {
    let mut talk = Talk::new(190);
    let mallory = talk.world.register("mallory");
    let other = start_chat(&mut talk.world, mallory, "ben");
    talk.world.settle();
    let others = talk.world.relay.group_info(other);

    assert_kept_out(talk, info_as(move |info| info.group_info = Bytes::new(others.clone()).unwrap()));
}

#[test]
fn a_state_with_changed_bytes_is_refused() {
    for place in [0_usize, 1, 50, 200, 1_000] {
        let changed = info_as(move |info| {
            let index = info.group_info.len() - 1 - place % info.group_info.len();
            info.group_info = Bytes::new(flipped(&info.group_info, index)).unwrap();
        });

        assert_kept_out(Talk::new(191), changed);
    }
}

#[test]
fn what_is_no_state_is_refused() {
    let nonsense = bytes_of(GROUPS, |body| *body = b"<html>".to_vec());
    let of_infos: Lie =
        Box::new(
            move |host, request, answer| {
                if request.path.ends_with("/info") { nonsense(host, request, answer) } else { answer }
            },
        );

    assert_kept_out(Talk::new(192), of_infos);
}

#[test]
fn an_older_state_than_a_device_has_seen_is_refused_when_it_comes_back_in() {
    let mut talk = Talk::new(193);
    let older = talk.world.relay.group_info(talk.group);
    talk.world.log_in("ada");
    talk.world.settle();
    talk.world.lie = info_as(move |info| info.group_info = Bytes::new(older.clone()).unwrap());
    // Ben's state is lost, so that he must ask for the relay's.
    talk.world.kill(talk.ben);
    let mls = |key: &String| key.starts_with("group/");
    assert!(talk.world.hosts[talk.ben].store.keys().any(mls));
    talk.world.hosts[talk.ben].store.retain(|key, _| !mls(key));
    talk.world.start(talk.ben);
    talk.world.settle();

    talk.say(talk.ada, "to whom?");
    talk.world.settle();

    assert!(talk.notices(talk.ben).contains(&Notice::Unreadable { reason: UnreadableReason::Forked }));
}

#[test]
fn an_invitation_with_changed_bytes_is_refused_and_the_device_comes_in_from_outside() {
    let mut world = crate::world::World::new(194);
    let [ada, ben] = [world.register("ada"), world.register("ben")];
    let changed = cbor_of("/v1/welcomes", |page: &mut WelcomesPage| {
        let change = |welcome: &StoredWelcome| {
            let bytes = flipped(&welcome.welcome, welcome.welcome.len() / 2);
            StoredWelcome { welcome: Bytes::new(bytes).unwrap(), ..welcome.clone() }
        };
        page.welcomes = List::new(page.welcomes.iter().map(change).collect()).ok().unwrap();
    });
    world.lie = Box::new(
        move |host, request, answer| {
            if request.method == Method::Get { changed(host, request, answer) } else { answer }
        },
    );

    let group = start_chat(&mut world, ada, "ben");
    world.settle();
    let mut talk = Talk { world, ada, ben, group };

    assert!(talk.notices(ben).contains(&Notice::JoinedHere));
    talk.say(ada, "arrives all the same");
    talk.world.settle();
    assert_eq!(talk.texts(ben), ["arrives all the same"]);
}

#[test]
fn a_conversation_with_a_third_person_in_it_is_never_shown_as_one_of_two() {
    let mut talk = Talk::new(195);
    talk.world.register("mallory");
    let third = talk.account(talk.world.hosts.len() - 1);
    talk.world.lie = Box::new(move |_, request, (status, body)| {
        if request.path != "/v1/groups" || request.method != Method::Get {
            return (status, body);
        }
        let mut page: GroupsPage = protocol::socket::from_bytes(&body).unwrap();
        let crowd = |group: &GroupSummary| {
            let mut accounts = group.accounts.clone().into_vec();
            accounts.push(third);
            GroupSummary { accounts: List::new(accounts).ok().unwrap(), ..group.clone() }
        };
        page.groups = List::new(page.groups.iter().map(crowd).collect()).ok().unwrap();
        (status, protocol::socket::to_bytes(&page))
    });

    let second = talk.world.log_in("ada");
    talk.world.settle();

    assert!(talk.world.hosts[second].client.as_ref().unwrap().conversations().is_empty());
}
