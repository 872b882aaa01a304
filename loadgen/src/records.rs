//! `records`: how fast a client's records reach the relay, and a new client of the same person, over the real
//! protocol: batches of writes one way, pages of the feed the other. Sealing and opening are the client's own cost.

use std::time::Duration;

use protocol::{
    RecordId,
    limits::RECORDS_BATCH_MAX,
    records::{ChangesPage, PutRecords, RecordWrite, RecordsPut, WriteOutcome},
    socket::{from_bytes, to_bytes},
    values::{Bytes, List},
};
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    account::{Account, random},
    failure::Failure,
    http::{Call, Http},
    measure::cpu_time,
    options::Options,
    relay::Relay,
    report,
};

/// Bytes of a sealed contact: 256 of content, padded, and what seals them.
const CONTACT_BYTES: u64 = 302;
const RECORDS_MAX: u64 = 90_000;
const BYTES_MAX: u64 = 2_048;

#[derive(Debug, Serialize)]
struct Run {
    program: &'static str,
    records: u64,
    bytes: u64,
    write_ms: f64,
    write_cpu_us_each: f64,
    read_ms: f64,
    read_cpu_us_each: f64,
    pages: u64,
    read_bytes: u64,
}

pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let records = options.number("records", 10_000, RECORDS_MAX)?;
    let bytes = options.number("bytes", CONTACT_BYTES, BYTES_MAX)?;
    let relay = Relay::start(options).await?;
    let mut http = Http::connect(relay.address()).await?;
    let account = Account::register(&mut http, "collector").await?;

    report::progress(&format!("{records} records are written"));
    let (began, cpu) = (Instant::now(), cpu_time(relay.process())?);
    write(&mut http, &account, records, bytes).await?;
    let wrote = (began.elapsed(), cpu_time(relay.process())?.saturating_sub(cpu));

    report::progress("a new client reads them");
    let mut fresh = Http::connect(relay.address()).await?;
    let (began, cpu) = (Instant::now(), cpu_time(relay.process())?);
    let read = read(&mut fresh, &account).await?;
    let took = (began.elapsed(), cpu_time(relay.process())?.saturating_sub(cpu));
    // The vault of the registration is one more.
    if read.records != records + 1 {
        return Err(Failure::Unreadable("a feed that shows every record once"));
    }

    let each = |spent: Duration| (spent.as_secs_f64() * 1e6 / records as f64 * 100.0).round() / 100.0;
    let ms = |spent: Duration| (spent.as_secs_f64() * 10_000.0).round() / 10.0;
    let run = Run {
        program: "records",
        records,
        bytes,
        write_ms: ms(wrote.0),
        write_cpu_us_each: each(wrote.1),
        read_ms: ms(took.0),
        read_cpu_us_each: each(took.1),
        pages: read.pages,
        read_bytes: read.bytes,
    };
    report::json(&run);
    report::table(
        &["records", "write ms", "write CPU µs each", "read ms", "read CPU µs each", "pages", "read bytes"],
        &[vec![
            records.to_string(),
            run.write_ms.to_string(),
            run.write_cpu_us_each.to_string(),
            run.read_ms.to_string(),
            run.read_cpu_us_each.to_string(),
            run.pages.to_string(),
            run.read_bytes.to_string(),
        ]],
    );
    relay.stop().await
}

async fn write(http: &mut Http, account: &Account, records: u64, bytes: u64) -> Result<(), Failure> {
    let filler = vec![0x5a; usize::try_from(bytes).unwrap_or_default()];
    let mut left = records;
    while left > 0 {
        let batch = left.min(RECORDS_BATCH_MAX as u64);
        left -= batch;
        let writes: Result<Vec<RecordWrite>, Failure> = (0..batch).map(|_| new_record(&filler)).collect();
        let writes = List::new(writes?).map_err(|_| Failure::Unreadable("a batch of ours"))?;
        let body = Some(("application/cbor", to_bytes(&PutRecords { writes })));
        let call =
            Call { method: hyper::Method::PUT, path: "/v1/records", token: Some(&account.token), body };
        let put: RecordsPut =
            from_bytes(&http.call(call).await?).map_err(|_| Failure::Unreadable("the answer to a batch"))?;
        if put.outcomes.iter().any(|outcome| matches!(outcome, WriteOutcome::Conflict { .. })) {
            return Err(Failure::Unreadable("a conflict over a new record"));
        }
    }
    Ok(())
}

fn new_record(ciphertext: &[u8]) -> Result<RecordWrite, Failure> {
    Ok(RecordWrite {
        collection: "contacts".parse().map_err(|_| Failure::Unreadable("a collection of ours"))?,
        record_id: RecordId::from_bytes(random()),
        expected_version: 0,
        ciphertext: Bytes::new(ciphertext).map_err(|_| Failure::Usage("--bytes is too large".into()))?,
    })
}

/// What the feed showed from its beginning to its end.
struct Read {
    records: u64,
    pages: u64,
    bytes: u64,
}

async fn read(http: &mut Http, account: &Account) -> Result<Read, Failure> {
    let mut read = Read { records: 0, pages: 0, bytes: 0 };
    let mut cursor = 0;
    loop {
        let path = format!("/v1/records?after={cursor}");
        let call = Call { method: hyper::Method::GET, path: &path, token: Some(&account.token), body: None };
        let body = http.call(call).await?;
        let page: ChangesPage = from_bytes(&body).map_err(|_| Failure::Unreadable("a page of changes"))?;
        read.pages += 1;
        read.bytes += body.len() as u64;
        read.records += page.changes.len() as u64;
        if page.upto >= page.head {
            return Ok(read);
        }
        cursor = page.upto;
    }
}
