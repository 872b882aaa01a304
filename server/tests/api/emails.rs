//! Codes by e-mail: to the outbox, and to a mail server on this machine.

use std::os::unix::fs::PermissionsExt as _;

use axum::http::StatusCode;
use protocol::{
    ErrorCode,
    accounts::Ticket,
    audit::{AuditKind, AuditPage},
    factors::{
        ConfirmFactor, EmailStarted, Factor, FactorKind, OwnEmail, OwnFactors, PendingFactor, RecoveryCodes,
        SendEmailCode, StartEmail,
    },
    limits::{EMAIL_CODE_PAUSE_SECONDS, EMAIL_CODES_PER_DAY},
    sessions::OpenedAccount,
};
use sotto::config::Config;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::device::{TestAccount, TestDevice};
use crate::factors::{FINISH, own, pending, show, show_call, with_proof};
use crate::relay::{Answer, Call, TestRelay, on_both_engines};

const ADDRESS: &str = "ada@example.org";

/// A code on its way, and what it is for.
pub(crate) struct Sent {
    pub(crate) ticket: Ticket,
    pub(crate) code: String,
}

/// An account that asks for codes by e-mail.
struct Reached {
    account: TestAccount,
    device: TestDevice,
    codes: Vec<String>,
}

impl Reached {
    async fn new(relay: &TestRelay) -> Self {
        let account = TestAccount::new("ada");
        let device = account.register(relay).await;
        let proof = account.open(relay).await.enrolment_ticket;
        let codes = set_up(relay, &device, &proof).await;
        relay.advance_seconds(EMAIL_CODE_PAUSE_SECONDS);
        Self { account, device, codes }
    }

    async fn pend(&self, relay: &TestRelay) -> PendingFactor {
        let finish = self.account.login(relay, &self.account.password).await.unwrap();
        pending(&relay.send(Call::post(FINISH).json(&finish)).await)
    }

    /// The password is shown, and a code is asked for.
    async fn sent(&self, relay: &TestRelay) -> Sent {
        let ticket = self.pend(relay).await.factor_ticket;
        let answer = ask(relay, &ticket).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
        Sent { ticket, code: only_code(relay) }
    }

    async fn open(&self, relay: &TestRelay) -> OpenedAccount {
        relay.advance_seconds(EMAIL_CODE_PAUSE_SECONDS);
        let sent = self.sent(relay).await;
        show(relay, &sent.ticket, email(&sent.code)).await.json()
    }
}

fn email(code: &str) -> Factor {
    Factor::Email { code: code.parse().unwrap() }
}

fn ask_call(ticket: &Ticket) -> Call {
    Call::post("/v1/sessions/factor/email").json(&SendEmailCode { factor_ticket: ticket.clone() })
}

pub(crate) async fn ask(relay: &TestRelay, ticket: &Ticket) -> Answer {
    relay.send(ask_call(ticket)).await
}

async fn start(relay: &TestRelay, device: &TestDevice, proof: &Ticket) -> Answer {
    let request = StartEmail { enrolment_ticket: proof.clone(), address: ADDRESS.parse().unwrap() };
    device.send(relay, Call::post("/v1/factors/email/start").json(&request)).await
}

/// A code to a new address.
pub(crate) async fn send(relay: &TestRelay, device: &TestDevice, proof: &Ticket) -> Sent {
    let started: EmailStarted = start(relay, device, proof).await.json();
    Sent { ticket: started.ticket, code: only_code(relay) }
}

/// The code of a new address, back.
pub(crate) fn confirmation(sent: &Sent) -> Call {
    let request = ConfirmFactor { ticket: sent.ticket.clone(), code: sent.code.parse().unwrap() };
    Call::post("/v1/factors/email").json(&request)
}

/// Sets the address up; gives the recovery codes.
pub(crate) async fn set_up(relay: &TestRelay, device: &TestDevice, proof: &Ticket) -> Vec<String> {
    let sent = send(relay, device, proof).await;
    let codes: RecoveryCodes = device.send(relay, confirmation(&sent)).await.json();
    codes.codes.iter().map(|code| code.as_str().to_owned()).collect()
}

/// Takes the mails out of the outbox.
fn mails(relay: &TestRelay) -> Vec<String> {
    let folder = relay.app.config.data_dir.join("outbox");
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let take = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        text
    };
    entries.map(take).collect()
}

fn code_in(mail: &str) -> String {
    let line = mail.lines().find(|line| line.starts_with("    ")).unwrap();
    line.replace(' ', "")
}

fn only_code(relay: &TestRelay) -> String {
    let mails = mails(relay);
    assert_eq!(mails.len(), 1, "{mails:?}");
    code_in(&mails[0])
}

/// A code that is not this one.
fn other_than(code: &str) -> Factor {
    email(if code == "00000000" { "00000001" } else { "00000000" })
}

// Set-up and log-in

#[tokio::test]
async fn an_address_is_set_up_by_its_code_and_asked_for_from_then_on() {
    on_both_engines(async |relay| {
        let ada = Reached::new(&relay).await;

        let asked = ada.pend(&relay).await;
        let opened = ada.open(&relay).await;

        assert_eq!(ada.codes.len(), 10);
        assert_eq!(&*asked.factors, [FactorKind::Email, FactorKind::RecoveryCode]);
        assert_eq!(opened.account_id, ada.account.account_id);
        let own = own(&relay, &ada.device).await;
        assert_eq!(own.email.map(|email| email.address.as_str().to_owned()).as_deref(), Some(ADDRESS));
    })
    .await;
}

#[tokio::test]
async fn before_the_code_comes_back_nothing_is_kept_and_a_wrong_one_changes_nothing() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let device = ada.register(&relay).await;
    let proof = ada.open(&relay).await.enrolment_ticket;
    let mut sent = send(&relay, &device, &proof).await;
    sent.code = if sent.code == "00000000" { "00000001".into() } else { "00000000".into() };

    let refused = device.send(&relay, confirmation(&sent)).await;

    assert_eq!(refused.code(), ErrorCode::FactorWrong);
    let nothing = OwnFactors { totp_since: None, email: None, recovery_codes_left: 0 };
    assert_eq!(own(&relay, &device).await, nothing);
    ada.open(&relay).await;
}

#[tokio::test]
async fn the_mail_goes_to_the_address_on_file_and_into_a_file_that_only_the_owner_reads() {
    let relay = TestRelay::start().await;
    let ada = Reached::new(&relay).await;
    let ticket = ada.pend(&relay).await.factor_ticket;
    ask(&relay, &ticket).await;

    let folder = relay.app.config.data_dir.join("outbox");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
    let mail = mails(&relay).pop().unwrap();
    let header = |name: &str| mail.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert_eq!(header("To:"), format!("To: {ADDRESS}"));
    assert_eq!(header("From:"), "From: Sotto <sotto@localhost>");
    assert!(!header("Subject:").contains(&code_in(&mail)), "no lock screen shows it");
}

#[tokio::test]
async fn a_code_opens_the_account_once_and_for_its_own_log_in_only() {
    on_both_engines(async |relay| {
        let ada = Reached::new(&relay).await;
        let other = ada.pend(&relay).await.factor_ticket;
        let sent = ada.sent(&relay).await;

        let elsewhere = show(&relay, &other, email(&sent.code)).await;
        let first = show(&relay, &sent.ticket, email(&sent.code)).await;
        let again = show(&relay, &sent.ticket, email(&sent.code)).await;

        assert_eq!(elsewhere.code(), ErrorCode::FactorWrong);
        assert!(first.status.is_success());
        assert_eq!(again.code(), ErrorCode::TicketInvalid);
    })
    .await;
}

#[tokio::test]
async fn a_newer_code_ends_the_one_before() {
    on_both_engines(async |relay| {
        let ada = Reached::new(&relay).await;
        let first = ada.sent(&relay).await;
        relay.advance_seconds(EMAIL_CODE_PAUSE_SECONDS);
        ask(&relay, &first.ticket).await;
        let second = only_code(&relay);
        assert_ne!(first.code, second, "one of a hundred million");

        assert_eq!(show(&relay, &first.ticket, email(&first.code)).await.code(), ErrorCode::FactorWrong);
        assert!(show(&relay, &first.ticket, email(&second)).await.status.is_success());
    })
    .await;
}

#[tokio::test]
async fn a_recovery_code_stands_in_for_the_mail() {
    let relay = TestRelay::start().await;
    let ada = Reached::new(&relay).await;
    let ticket = ada.pend(&relay).await.factor_ticket;
    let code = Factor::RecoveryCode { code: ada.codes[0].parse().unwrap() };

    assert!(show(&relay, &ticket, code).await.status.is_success());
}

// Limits

#[tokio::test]
async fn of_two_hundred_requests_at_once_one_sends_a_mail() {
    on_both_engines(async |relay| {
        let ada = Reached::new(&relay).await;
        let ticket = ada.pend(&relay).await.factor_ticket;

        let answers =
            futures_util::future::join_all((0..200).map(|_| relay.sending(ask_call(&ticket)))).await;

        let sent = answers.iter().filter(|answer| answer.status == StatusCode::NO_CONTENT).count();
        let paused = answers.iter().filter(|answer| !answer.status.is_success());
        assert!(paused.clone().all(|answer| answer.code() == ErrorCode::RateLimited));
        assert!(paused.clone().all(|answer| answer.header("retry-after").is_some()));
        assert_eq!((sent, mails(&relay).len()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn the_pause_is_the_accounts_and_over_after_a_minute() {
    on_both_engines(async |relay| {
        let ada = Reached::new(&relay).await;
        let [first, second] = [ada.pend(&relay).await.factor_ticket, ada.pend(&relay).await.factor_ticket];
        ask(&relay, &first).await;

        relay.advance_seconds(EMAIL_CODE_PAUSE_SECONDS - 2);
        let early = ask(&relay, &second).await;
        relay.advance_seconds(2);
        let later = ask(&relay, &second).await;

        assert_eq!(early.code(), ErrorCode::RateLimited);
        assert_eq!(later.status, StatusCode::NO_CONTENT);
    })
    .await;
}

#[tokio::test]
async fn a_day_has_so_many_codes_and_the_next_one_as_many() {
    let relay = TestRelay::with(|config| config.limits.guesses_per_hour = 1000).await;
    let ada = Reached::new(&relay).await;
    // One was sent to set the address up.
    for _ in 1..EMAIL_CODES_PER_DAY {
        let ticket = ada.pend(&relay).await.factor_ticket;
        assert_eq!(ask(&relay, &ticket).await.status, StatusCode::NO_CONTENT);
        relay.advance_seconds(EMAIL_CODE_PAUSE_SECONDS);
    }
    let ticket = ada.pend(&relay).await.factor_ticket;

    assert_eq!(ask(&relay, &ticket).await.code(), ErrorCode::RateLimited);
    relay.advance_seconds(86_400);
    let ticket = ada.pend(&relay).await.factor_ticket;
    assert_eq!(ask(&relay, &ticket).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn of_two_hundred_tries_at_once_five_are_looked_at() {
    on_both_engines(async |relay| {
        let ada = Reached::new(&relay).await;
        let sent = ada.sent(&relay).await;
        let wrong = other_than(&sent.code);

        let calls = (0..200).map(|_| relay.sending(show_call(&sent.ticket, wrong.clone())));
        let answers = futures_util::future::join_all(calls).await;

        let count = |code| answers.iter().filter(|answer| answer.code() == code).count();
        assert_eq!((count(ErrorCode::FactorWrong), count(ErrorCode::TriesExhausted)), (5, 195));
        let right = show(&relay, &sent.ticket, email(&sent.code)).await;
        assert_eq!(right.code(), ErrorCode::TriesExhausted, "the right code comes too late");
    })
    .await;
}

#[tokio::test]
async fn a_new_address_has_five_tries_too() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;
        let proof = ada.open(&relay).await.enrolment_ticket;
        let sent = send(&relay, &device, &proof).await;
        let wrong = if sent.code == "00000000" { "00000001" } else { "00000000" };
        let guess = confirmation(&Sent { ticket: sent.ticket.clone(), code: wrong.to_owned() });
        for _ in 0..5 {
            assert_eq!(device.send(&relay, guess.clone()).await.code(), ErrorCode::FactorWrong);
        }

        let right = device.send(&relay, confirmation(&sent)).await;

        assert_eq!(right.code(), ErrorCode::TriesExhausted);
    })
    .await;
}

#[tokio::test]
async fn a_code_is_over_with_its_ticket() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let device = ada.register(&relay).await;
    let proof = ada.open(&relay).await.enrolment_ticket;
    let sent = send(&relay, &device, &proof).await;

    relay.advance_seconds(600);

    // Ten minutes are the life of an access token, too.
    let mut device = device;
    device.log_in(&relay).await;
    assert_eq!(device.send(&relay, confirmation(&sent)).await.code(), ErrorCode::TicketInvalid);
}

// Changes

#[tokio::test]
async fn removed_the_account_asks_for_nothing_and_sends_nothing() {
    on_both_engines(async |relay| {
        let ada = Reached::new(&relay).await;
        let ticket = ada.pend(&relay).await.factor_ticket;
        let proof = ada.open(&relay).await.enrolment_ticket;
        let removal = with_proof("/v1/factors/email/removal", &proof);

        let removed = ada.device.send(&relay, removal.clone()).await;
        let twice = ada.device.send(&relay, removal).await;

        assert_eq!(removed.status, StatusCode::NO_CONTENT);
        assert_eq!(twice.code(), ErrorCode::NotFound);
        assert_eq!(ask(&relay, &ticket).await.code(), ErrorCode::NotFound);
        assert_eq!(mails(&relay).len(), 0);
        ada.account.open(&relay).await;
    })
    .await;
}

#[tokio::test]
async fn what_happens_to_the_address_stands_in_the_log_without_it() {
    on_both_engines(async |relay| {
        let ada = Reached::new(&relay).await;
        let proof = ada.open(&relay).await.enrolment_ticket;
        ada.device.send(&relay, with_proof("/v1/factors/email/removal", &proof)).await;

        let answer = ada.device.send(&relay, Call::get("/v1/audit?after=3")).await;

        let page: AuditPage = answer.json();
        let expected = [
            AuditKind::EmailAdded,
            AuditKind::LoginTried,
            AuditKind::FactorAsked,
            AuditKind::EmailCodeUsed,
            AuditKind::OpenedByPassword,
            AuditKind::EmailRemoved,
        ];
        assert_eq!(page.rows.iter().map(|row| row.kind).collect::<Vec<_>>(), expected.map(AuditKind::number));
        assert!(!answer.text().contains(ADDRESS));
    })
    .await;
}

#[tokio::test]
async fn the_database_shows_neither_address_nor_code_and_the_address_outlives_a_restart() {
    let relay = TestRelay::start().await;
    let ada = Reached::new(&relay).await;
    let sent = ada.sent(&relay).await;
    let closed = relay.close().await;

    let sotto::storage::connection::DatabaseAddress::Sqlite(path) = &closed.config.database else {
        panic!("on SQLite");
    };
    let bytes = std::fs::read(path).unwrap();
    let holds = |needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(holds(ada.account.handle.as_str()), "the search finds what is there");
    assert!(!holds(ADDRESS) && !holds(&sent.code));

    let relay = closed.open().await;
    assert!(show(&relay, &sent.ticket, email(&sent.code)).await.status.is_success());
    let own: OwnFactors = own(&relay, &ada.device).await;
    assert!(matches!(own.email, Some(OwnEmail { address, .. }) if address.as_str() == ADDRESS));
}

// The mail server

/// A mail server that takes what comes, or refuses every receiver (RFC 5321).
struct MailServer {
    url: String,
    received: mpsc::Receiver<String>,
}

impl MailServer {
    async fn start(receiver_reply: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let (sender, received) = mpsc::channel(8);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _over = converse(stream, receiver_reply, &sender).await;
            }
        });
        Self { url, received }
    }
}

async fn converse(
    stream: TcpStream,
    receiver_reply: &str,
    sender: &mpsc::Sender<String>,
) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 mail.example.org ESMTP\r\n").await?;
    let mut envelope = String::new();
    while let Some(line) = lines.next_line().await? {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let reply = match verb.as_str() {
            "EHLO" => "250-mail.example.org\r\n250 8BITMIME",
            "RCPT" => {
                envelope.push_str(&line);
                receiver_reply
            }
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await?;
                let mut mail = format!("{envelope}\n");
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    mail.push_str(&line);
                    mail.push('\n');
                }
                let _heard = sender.send(mail).await;
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        writer.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn through(url: &str) -> sotto::config::MailConfig {
    Config::from_sources(|name| Ok((name == "SOTTO_SMTP_URL").then(|| url.to_owned()))).unwrap().mail
}

#[tokio::test]
async fn a_mail_server_takes_the_code_and_what_it_was_given_opens_the_account() {
    let mut server = MailServer::start("250 ok").await;
    let mail = through(&server.url);
    let relay = TestRelay::with(|config| config.mail = mail).await;
    let ada = TestAccount::new("ada");
    let device = ada.register(&relay).await;
    let proof = ada.open(&relay).await.enrolment_ticket;

    let started: EmailStarted = start(&relay, &device, &proof).await.json();
    let mail = server.received.recv().await.unwrap();
    let sent = Sent { ticket: started.ticket, code: code_in(&mail) };

    assert!(mail.starts_with(&format!("RCPT TO:<{ADDRESS}>\n")), "{mail}");
    assert!(device.send(&relay, confirmation(&sent)).await.status.is_success());
    assert_eq!(mails(&relay).len(), 0, "nothing lies in the outbox");
}

#[tokio::test]
async fn a_mail_server_that_refuses_or_is_not_there_is_told() {
    let server = MailServer::start("550 nobody here").await;
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("smtp://{}", listener.local_addr().unwrap())
    };
    for url in [&server.url, &gone] {
        let mail = through(url);
        let relay = TestRelay::with(|config| config.mail = mail).await;
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;
        let proof = ada.open(&relay).await.enrolment_ticket;

        assert_eq!(start(&relay, &device, &proof).await.code(), ErrorCode::Unavailable);
    }
}

#[tokio::test]
async fn what_is_no_address_is_malformed() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let device = ada.register(&relay).await;
    let enrolment_ticket = ada.open(&relay).await.enrolment_ticket;
    for address in ["", "ada", "a@b\r\nBcc: eve@example.org", "<a@b>", "a@b, c@d"] {
        let body = serde_json::json!({ "enrolment_ticket": enrolment_ticket, "address": address });
        let answer = device.send(&relay, Call::post("/v1/factors/email/start").json(&body)).await;
        assert_eq!(answer.code(), ErrorCode::Malformed, "{address:?}");
    }
    assert_eq!(mails(&relay).len(), 0);
}
