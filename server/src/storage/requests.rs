//! What makes a request safe to repeat and a ticket good for one use: answers by idempotency id (O-7), spent tickets
//! (O-2), and the guesses at each handle (O-1).

use protocol::{AccountId, DeviceId, IdempotencyId, SessionId, UnixMillis};

use super::{Connection, StorageError, query};

/// A one-transaction request that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnsweredRequest {
    /// SHA-256 of the whole request.
    pub content_hash: [u8; 32],
    pub account_id: AccountId,
    pub device_id: DeviceId,
    pub session_id: SessionId,
}

pub async fn find_answer(
    conn: &mut Connection,
    id: IdempotencyId,
) -> Result<Option<AnsweredRequest>, StorageError> {
    let row = query(
        "select content_hash, account_id, device_id, session_id from answered_requests where idempotency_id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(AnsweredRequest {
            content_hash: row.get(0)?,
            account_id: row.get(1)?,
            device_id: row.get(2)?,
            session_id: row.get(3)?,
        })
    })
    .transpose()
}

/// False: another transaction answered this id meanwhile; the caller rolls back and looks again.
pub async fn insert_answer(
    conn: &mut Connection,
    id: IdempotencyId,
    answer: &AnsweredRequest,
    now: UnixMillis,
) -> Result<bool, StorageError> {
    let rows = query(
        "insert into answered_requests (idempotency_id, content_hash, account_id, device_id, session_id, answered_at) \
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
    )
    .bind(id)
    .bind(answer.content_hash)
    .bind(answer.account_id)
    .bind(answer.device_id)
    .bind(answer.session_id)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(rows == 1)
}

/// Spends a ticket or nonce. False: it was spent before.
pub async fn spend_ticket(
    conn: &mut Connection,
    ticket_id: [u8; 16],
    expires_at: UnixMillis,
) -> Result<bool, StorageError> {
    let rows =
        query("insert into spent_tickets (ticket_id, expires_at) values ($1, $2) on conflict do nothing")
            .bind(ticket_id)
            .bind(expires_at.0)
            .execute(conn)
            .await?;
    Ok(rows == 1)
}

pub async fn ticket_is_spent(conn: &mut Connection, ticket_id: [u8; 16]) -> Result<bool, StorageError> {
    let row = query("select 1 from spent_tickets where ticket_id = $1")
        .bind(ticket_id)
        .fetch_optional(conn)
        .await?;
    Ok(row.is_some())
}

/// How many guesses a handle has in an hour and in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuessLimits {
    pub per_hour: usize,
    pub per_day: usize,
}

/// Whether one more guess was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    Counted,
    /// The budget is empty: wait so long, seconds.
    Refused {
        retry_after_seconds: u64,
    },
}

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 86_400_000;

/// Counts a guess at `subject`, exactly: the first statement holds the row until the transaction ends.
pub async fn count_guess(
    conn: &mut Connection,
    subject: [u8; 32],
    limits: GuessLimits,
    now: UnixMillis,
) -> Result<Guess, StorageError> {
    let row = query(
        "insert into guess_budgets (subject, guesses, last_guess_at) values ($1, $2, $3) \
         on conflict (subject) do update set last_guess_at = guess_budgets.last_guess_at returning guesses",
    )
    .bind(subject)
    .bind(Vec::new())
    .bind(now.0)
    .fetch_one(conn)
    .await?;
    let mut guesses = recent(&row.get::<Vec<u8>>(0)?, now);
    if let Some(retry_after_seconds) = wait_seconds(&guesses, limits, now) {
        return Ok(Guess::Refused { retry_after_seconds });
    }
    guesses.push(now.0);
    let bytes: Vec<u8> = guesses.iter().flat_map(|at| at.to_be_bytes()).collect();
    query("update guess_budgets set guesses = $2, last_guess_at = $3 where subject = $1")
        .bind(subject)
        .bind(bytes)
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(Guess::Counted)
}

/// Forgets what no longer counts.
pub async fn delete_old(
    conn: &mut Connection,
    answered_before: UnixMillis,
    now: UnixMillis,
) -> Result<(), StorageError> {
    query("delete from answered_requests where answered_at < $1")
        .bind(answered_before.0)
        .execute(conn)
        .await?;
    query("delete from spent_tickets where expires_at < $1").bind(now.0).execute(conn).await?;
    query("delete from factor_tries where expires_at < $1").bind(now.0).execute(conn).await?;
    query("delete from guess_budgets where last_guess_at < $1")
        .bind(now.0.saturating_sub(DAY_MS))
        .execute(conn)
        .await?;
    Ok(())
}

/// The guesses of the last day, oldest first.
fn recent(bytes: &[u8], now: UnixMillis) -> Vec<u64> {
    let (times, _) = bytes.as_chunks::<8>();
    times.iter().map(|time| u64::from_be_bytes(*time)).filter(|at| at + DAY_MS > now.0).collect()
}

/// How long until one more guess is allowed; `None`: now.
fn wait_seconds(guesses: &[u64], limits: GuessLimits, now: UnixMillis) -> Option<u64> {
    let blocked_until = |limit: usize, window_ms: u64| {
        let first_that_counts = guesses.len().checked_sub(limit)?;
        let free_at = guesses.get(first_that_counts).map_or(now.0 + window_ms, |at| at + window_ms);
        (free_at > now.0).then(|| (free_at - now.0).div_ceil(1000))
    };
    blocked_until(limits.per_hour, HOUR_MS).max(blocked_until(limits.per_day, DAY_MS))
}

#[cfg(test)]
mod tests {
    use super::{DAY_MS, GuessLimits, HOUR_MS, UnixMillis, recent, wait_seconds};

    const LIMITS: GuessLimits = GuessLimits { per_hour: 2, per_day: 3 };
    const NOW: UnixMillis = UnixMillis(10 * DAY_MS);

    #[test]
    fn the_hour_and_the_day_both_count() {
        let minute = 60_000;
        let wait = |guesses: &[u64]| wait_seconds(guesses, LIMITS, NOW);

        assert_eq!(wait(&[]), None);
        assert_eq!(wait(&[NOW.0 - minute]), None);
        assert_eq!(wait(&[NOW.0 - 2 * minute, NOW.0 - minute]), Some(58 * 60));
        assert_eq!(wait(&[NOW.0 - HOUR_MS, NOW.0 - minute]), None);
        let three = [NOW.0 - 20 * HOUR_MS, NOW.0 - 10 * HOUR_MS, NOW.0 - 2 * HOUR_MS];
        assert_eq!(wait(&three), Some(4 * 3600));
    }

    #[test]
    fn a_limit_of_none_refuses_everything() {
        assert!(wait_seconds(&[], GuessLimits { per_hour: 0, per_day: 0 }, NOW).is_some());
    }

    #[test]
    fn guesses_of_another_day_are_forgotten() {
        let old = [NOW.0 - DAY_MS, NOW.0 - DAY_MS + 1].map(u64::to_be_bytes).concat();

        assert_eq!(recent(&old, NOW), [NOW.0 - DAY_MS + 1]);
    }
}
