//! Accounts that are deleted: their owner's devices forget everything, and the others are told.

use protocol::GroupId;
use sotto_client_core::client::{
    CommandError, CommandErrorCode, Content, Delivery, Event, Message, Notice, Outcome, Response,
    SignOutReason,
};
use zeroize::Zeroizing;

use crate::world::{PASSWORD, World};

/// Ada on two devices, in a conversation with Ben.
struct Story {
    world: World,
    ada: usize,
    second: usize,
    ben: usize,
    group: GroupId,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let [ada, ben] = [world.register("ada"), world.register("ben")];
        let command = world.call(ada, |client, cx| client.start_conversation("ben", cx));
        let Ok(Outcome::Conversation { group_id: group }) = world.outcome(ada, command) else {
            panic!("no conversation");
        };
        let second = world.log_in("ada");
        world.settle();
        Self { world, ada, second, ben, group }
    }

    fn prove(&mut self) {
        let password = Zeroizing::new(PASSWORD.to_owned());
        let proof = self.world.call(self.ada, |client, cx| client.prove_password(&password, cx));
        assert_eq!(self.world.outcome(self.ada, proof), Ok(Outcome::Done {}));
    }

    fn delete(&mut self) -> Result<Outcome, CommandError> {
        self.prove();
        let command = self.world.call(self.ada, |client, cx| client.delete_account("ada", cx));
        self.world.outcome(self.ada, command)
    }

    fn write(&mut self, host: usize, text: &str) {
        let group = self.group;
        self.world.call(host, |client, cx| client.send_text(group, text, cx)).unwrap();
        self.world.settle();
    }

    fn last_line(&mut self) -> Message {
        self.world.messages(self.ben, self.group).pop().unwrap()
    }

    fn is_closed(&self) -> bool {
        self.world.hosts[self.ben].client.as_ref().unwrap().conversations()[0].closed
    }

    fn ended(&self, host: usize) -> bool {
        let deleted = Event::SignedOut { reason: SignOutReason::Deleted };
        let gone = self.world.hosts[host].client.as_ref().unwrap().profile().is_none();
        gone && self.world.hosts[host].events.contains(&deleted)
    }
}

fn is_deletion(message: &Message) -> bool {
    matches!(message.content, Content::Notice(Notice::AccountDeleted { .. }))
}

#[test]
fn a_deleted_account_is_forgotten_on_all_its_devices() {
    let mut story = Story::new(90);

    let deleted = story.delete();
    story.world.settle();

    assert_eq!(deleted, Ok(Outcome::Done {}));
    assert!(story.ended(story.ada) && story.ended(story.second));
}

#[test]
fn a_device_that_was_away_is_told_when_it_comes_back() {
    let mut story = Story::new(91);
    story.world.kill(story.second);
    story.delete().unwrap();
    story.world.settle();

    story.world.start(story.second);
    story.world.call(story.second, |client, cx| client.connect(cx));
    story.world.settle();

    assert!(story.ended(story.second));
}

#[test]
fn a_deletion_whose_answer_is_lost_is_known_by_the_next_request() {
    let mut story = Story::new(92);
    story.prove();
    let ada = story.ada;
    let request = story.world.call(ada, |client, cx| {
        client.delete_account("ada", cx);
        client.poll_request().unwrap()
    });
    let token = story.world.hosts[ada].client.as_ref().unwrap().access_token().unwrap().to_owned();
    let (status, _) = story.world.relay.request(&request, Some(&token));
    assert_eq!(status, 200);

    story.world.call(ada, |client, cx| client.handle_response(request.id, Response::Lost, cx));
    story.world.settle();

    assert!(story.ended(ada));
}

#[test]
fn without_a_proof_and_the_right_handle_nothing_is_asked_for() {
    let mut story = Story::new(93);
    let unproved = story.world.call(story.ada, |client, cx| client.delete_account("ada", cx));
    assert_eq!(story.world.outcome(story.ada, unproved).unwrap_err().code, CommandErrorCode::ProofNeeded);
    story.prove();

    let mistyped = story.world.call(story.ada, |client, cx| client.delete_account("ben", cx));

    assert_eq!(story.world.outcome(story.ada, mistyped).unwrap_err().code, CommandErrorCode::HandleInvalid);
    assert!(!story.ended(story.ada));
}

#[test]
fn the_other_one_is_told_once_reads_on_and_can_send_nothing_more() {
    let mut story = Story::new(94);
    story.write(story.ada, "farewell");

    story.delete().unwrap();
    story.world.settle();
    story.world.kill(story.ben);
    story.world.start(story.ben);
    story.world.call(story.ben, |client, cx| client.connect(cx));
    story.world.settle();

    let lines = story.world.messages(story.ben, story.group);
    assert_eq!(lines.iter().filter(|line| is_deletion(line)).count(), 1);
    assert!(lines.iter().any(|line| line.content == Content::Text { text: "farewell".into() }));
    assert!(story.is_closed());
    let group = story.group;
    let refused = story.world.call(story.ben, |client, cx| client.send_text(group, "hello?", cx));
    assert_eq!(refused.unwrap_err().code, CommandErrorCode::AccountGone);
    let again = story.world.call(story.ben, |client, cx| client.start_conversation("ada", cx));
    assert_eq!(story.world.outcome(story.ben, again).unwrap_err().code, CommandErrorCode::AccountGone);
}

#[test]
fn what_waited_for_somebody_who_is_gone_fails_and_what_they_wrote_before_still_comes() {
    let mut story = Story::new(95);
    story.world.call(story.ben, |client, cx| client.go_offline(cx));
    story.world.settle();
    story.write(story.ben, "are you there?");
    story.write(story.ada, "the last word");
    story.delete().unwrap();
    story.world.settle();

    story.world.call(story.ben, |client, cx| client.connect(cx));
    story.world.settle();

    let lines = story.world.messages(story.ben, story.group);
    assert!(lines.iter().any(|line| line.content == Content::Text { text: "the last word".into() }));
    assert!(lines.iter().any(is_deletion));
    let failed = story.last_line();
    assert_eq!(failed.content, Content::Text { text: "are you there?".into() });
    assert_eq!(failed.delivery, Delivery::Failed { code: CommandErrorCode::AccountGone });
}
