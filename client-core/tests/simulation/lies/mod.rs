//! The hostile-relay kit: a relay with the whole API that tells one scripted lie each. Every script ends the same way:
//! the lie is refused, what was right before stays, and the person is told.

mod audit;
mod claims;
mod directory;
mod groups;
mod log;
mod log_in;
mod records;

use ed25519_dalek::SigningKey;
use protocol::{
    AccountId, DeviceAuthKey, DeviceId, ErrorCode, Facts, GroupId, LeafKey, Problem,
    certificate::Certificate,
    socket::{from_bytes, to_bytes},
};
use sotto_client_core::{
    account_seed::AccountSeed,
    certificate::DevicePublicKeys,
    client::{CommandErrorCode, Content, Message, Notice},
    device_list::DeviceListDraft,
    mls::OwnLeaf,
    root_key::RootKey,
};

use crate::{
    strangers::{profile, start_chat},
    world::{Answer, Lie, World},
};

/// Changes the bytes of the answers to one path, and of nothing else.
fn bytes_of(path: &'static str, change: impl Fn(&mut Vec<u8>) + 'static) -> Lie {
    Box::new(move |_, request, (status, mut body)| {
        if status == 200 && request.path.starts_with(path) {
            change(&mut body);
        }
        (status, body)
    })
}

/// Changes what is answered to one path in CBOR.
fn cbor_of<T>(path: &'static str, change: impl Fn(&mut T) + 'static) -> Lie
where
    T: for<'b> minicbor::Decode<'b, ()> + minicbor::Encode<()>,
{
    bytes_of(path, move |body| {
        let mut answer: T = from_bytes(body).unwrap();
        change(&mut answer);
        *body = to_bytes(&answer);
    })
}

/// Changes what is answered to one path in JSON.
fn json_of<T>(path: &'static str, change: impl Fn(&mut T) + 'static) -> Lie
where
    T: serde::de::DeserializeOwned + serde::Serialize,
{
    bytes_of(path, move |body| {
        let mut answer: T = serde_json::from_slice(body).unwrap();
        change(&mut answer);
        *body = serde_json::to_vec(&answer).unwrap();
    })
}

/// Refuses one path with this code.
fn refusal_of(path: &'static str, code: ErrorCode) -> Lie {
    Box::new(move |_, request, answer| {
        if !request.path.starts_with(path) {
            return answer;
        }
        refused(code)
    })
}

fn refused(code: ErrorCode) -> Answer {
    let problem = Problem::new(code, Facts::default());
    (problem.status, serde_json::to_vec(&problem).unwrap())
}

/// Lies to one host, and tells the others the truth.
fn to(host: usize, lie: Lie) -> Lie {
    Box::new(
        move |asking, request, answer| if asking == host { lie(asking, request, answer) } else { answer },
    )
}

/// Ada and Ben, who have said something to each other.
struct Talk {
    world: World,
    ada: usize,
    ben: usize,
    group: GroupId,
}

impl Talk {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let [ada, ben] = [world.register("ada"), world.register("ben")];
        let group = start_chat(&mut world, ada, "ben");
        let mut talk = Self { world, ada, ben, group };
        talk.say(ada, "before");
        talk.world.settle();
        talk
    }

    fn say(&mut self, host: usize, text: &str) {
        let group = self.group;
        self.world.call(host, |client, cx| client.send_text(group, text, cx)).expect("in the outbox");
    }

    fn account(&self, host: usize) -> AccountId {
        profile(&self.world, host).account_id
    }

    fn lines(&mut self, host: usize) -> Vec<Message> {
        self.world.messages(host, self.group)
    }

    fn texts(&mut self, host: usize) -> Vec<String> {
        let text = |message: Message| match message.content {
            Content::Text { text } => Some(text),
            _ => None,
        };
        self.lines(host).into_iter().filter_map(text).collect()
    }

    fn notices(&mut self, host: usize) -> Vec<Notice> {
        let notice = |message: Message| match message.content {
            Content::Notice(notice) => Some(notice),
            _ => None,
        };
        self.lines(host).into_iter().filter_map(notice).collect()
    }

    /// The device comes back to the relay after having been away.
    fn reconnect(&mut self, host: usize) {
        self.world.call(host, |client, cx| client.go_offline(cx));
        self.world.call(host, |client, cx| client.connect(cx));
        self.world.settle();
    }
}

/// Somebody under another's account id, with an identity key and a device of the relay's own.
struct Impostor {
    list: Vec<u8>,
    leaf: OwnLeaf,
}

fn impostor(world: &mut World, account: AccountId) -> Impostor {
    let seed = AccountSeed::generate(&mut world.rng);
    let root_key = RootKey::generate(1, &mut world.rng);
    let leaf = SigningKey::from_bytes(&[66; 32]);
    let keys = DevicePublicKeys {
        device: DeviceId::from_bytes([66; 16]),
        leaf_key: LeafKey::from_bytes(leaf.verifying_key().to_bytes()),
        device_auth_key: DeviceAuthKey::from_bytes(leaf.verifying_key().to_bytes()),
    };
    let certificate = seed.identity().certify(account, keys, world.now);
    let mut draft = DeviceListDraft::first(account, seed.identity().public(), &root_key);
    draft.add(&certificate).unwrap();
    Impostor {
        list: draft.sign(&seed.identity()).unwrap().encoded().to_vec(),
        leaf: OwnLeaf::new(Certificate::decode(&certificate.encode()).unwrap(), leaf).unwrap(),
    }
}

/// One bit of one byte is another.
fn flipped(bytes: &[u8], index: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[index] ^= 1;
    bytes
}

fn start_error(world: &mut World, host: usize, handle: &str) -> CommandErrorCode {
    let command = world.call(host, |client, cx| client.start_conversation(handle, cx));
    world.outcome(host, command).unwrap_err().code
}
