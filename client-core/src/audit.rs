//! Checks the account's audit log: rows hash into one chain, and the chain passes through the newest place that this
//! device has seen. A relay that drops, rewrites or forgets rows can't make one that does.

use minicbor::{Decode, Encode};
use protocol::{
    AccountId, UnixMillis,
    audit::{AuditCut, AuditPage, AuditPlace, AuditRow, hashed_bytes},
    limits::{AUDIT_ROWS_MAX, AUDIT_SECONDS},
    values::Exactly,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Rows may be cut so long before this device thinks them a year old, seconds.
const CLOCKS_DIFFER_SECONDS: u64 = 86_400;

/// What a relay did that an honest one does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[cbor(index_only)]
pub enum AuditRefusal {
    /// The log ends before a row that was there.
    #[error("the audit log is shorter than it was")]
    #[n(0)]
    RolledBack,
    /// A row is another one than before, or the rows are no chain.
    #[error("the audit log is another one than before")]
    #[n(1)]
    Rewritten,
    /// Rows are gone that are neither old enough nor too many.
    #[error("rows of the audit log are missing")]
    #[n(2)]
    Dropped,
}

/// A row that was checked, with the hash that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckedRow {
    /// The row.
    pub row: AuditRow,
    /// The chain's value after it.
    pub hash: [u8; 32],
}

/// What comes after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalkStep {
    /// Ask for the rows after this number.
    More(u64),
    /// The head is reached.
    Done,
}

/// One walk along the chain, page by page.
#[derive(Debug, Clone)]
pub struct AuditWalk {
    account: AccountId,
    seen: Option<AuditPlace>,
    from: u64,
    start: Option<AuditPlace>,
    place: AuditPlace,
    rows: Vec<CheckedRow>,
}

impl AuditWalk {
    /// A walk over what is new since `seen`.
    pub fn since(account: AccountId, seen: Option<AuditPlace>) -> Self {
        let from = seen.map_or(0, |seen| seen.number);
        Self { from, ..Self::whole(account, seen) }
    }

    /// A walk over all that the relay has, through `seen`.
    pub fn whole(account: AccountId, seen: Option<AuditPlace>) -> Self {
        Self { account, seen, from: 0, start: None, place: AuditPlace::START, rows: Vec::new() }
    }

    /// The rows after this number are asked for first.
    pub fn from(&self) -> u64 {
        self.from
    }

    /// Where the rows begin: later than 0 when older ones were cut.
    pub fn start(&self) -> AuditPlace {
        self.start.unwrap_or(AuditPlace::START)
    }

    /// The rows so far.
    pub fn rows(&self) -> &[CheckedRow] {
        &self.rows
    }

    /// What is to be remembered when the walk is done.
    pub fn reached(&self) -> AuditPlace {
        self.place
    }

    /// Takes the next page.
    ///
    /// # Errors
    /// [`AuditRefusal`] when it does not continue the chain; nothing of the walk is to be believed then.
    pub fn take(&mut self, page: &AuditPage, now: UnixMillis) -> Result<WalkStep, AuditRefusal> {
        if self.seen.is_some_and(|seen| page.head.number < seen.number) {
            return Err(AuditRefusal::RolledBack);
        }
        match self.start {
            None => self.begin(page, now)?,
            Some(_) if page.start == self.place => {}
            // Older rows were cut while the walk was under way.
            Some(_) if page.start.number > self.place.number => {
                *self = Self { start: None, place: AuditPlace::START, rows: Vec::new(), ..self.clone() };
                return Ok(WalkStep::More(self.from));
            }
            Some(_) => return Err(AuditRefusal::Rewritten),
        }
        for row in page.rows.iter() {
            self.step(row)?;
        }
        if self.place.number >= page.head.number {
            return if self.place == page.head { Ok(WalkStep::Done) } else { Err(AuditRefusal::Rewritten) };
        }
        if page.rows.is_empty() { Err(AuditRefusal::Dropped) } else { Ok(WalkStep::More(self.place.number)) }
    }

    fn begin(&mut self, page: &AuditPage, now: UnixMillis) -> Result<(), AuditRefusal> {
        let start = page.start;
        let other_start = start.number == 0 && start != AuditPlace::START;
        let not_seen = self.seen.is_some_and(|seen| start.number == seen.number && start != seen);
        if start.number < self.from || other_start || not_seen {
            return Err(AuditRefusal::Rewritten);
        }
        if start.number > self.from {
            self.check_cut(page, now)?;
        }
        self.start = Some(start);
        self.place = start;
        Ok(())
    }

    /// Rows may go once they are old, or when there are too many: what is left of them must show it.
    fn check_cut(&self, page: &AuditPage, now: UnixMillis) -> Result<(), AuditRefusal> {
        let AuditCut { previous, row } = page.cut.ok_or(AuditRefusal::Dropped)?;
        let hash = self.hash_after(&previous, &row);
        if (AuditPlace { number: row.number, hash: Exactly(hash) }) != page.start {
            return Err(AuditRefusal::Rewritten);
        }
        let old = row.at.plus_seconds(AUDIT_SECONDS) <= now.plus_seconds(CLOCKS_DIFFER_SECONDS);
        let many = page.head.number.saturating_sub(row.number) >= AUDIT_ROWS_MAX;
        if old || many { Ok(()) } else { Err(AuditRefusal::Dropped) }
    }

    fn hash_after(&self, previous: &[u8; 32], row: &AuditRow) -> [u8; 32] {
        Sha256::digest(hashed_bytes(previous, self.account, row)).into()
    }

    fn step(&mut self, row: &AuditRow) -> Result<(), AuditRefusal> {
        if Some(row.number) != self.place.number.checked_add(1) {
            return Err(AuditRefusal::Dropped);
        }
        let hash = self.hash_after(&self.place.hash, row);
        self.place = AuditPlace { number: row.number, hash: Exactly(hash) };
        if self.seen.is_some_and(|seen| seen.number == row.number && seen != self.place) {
            return Err(AuditRefusal::Rewritten);
        }
        self.rows.push(CheckedRow { row: *row, hash });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{AuditRefusal, AuditWalk, WalkStep};
    use protocol::{
        AccountId, UnixMillis,
        audit::{AuditCut, AuditPage, AuditPlace, AuditRow, hashed_bytes},
        limits::{AUDIT_PAGE_MAX, AUDIT_ROWS_MAX, AUDIT_SECONDS},
        values::{Exactly, List},
    };
    use sha2::{Digest as _, Sha256};

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
    const ADA: AccountId = AccountId::from_bytes([1; 16]);

    /// A log as an honest relay keeps it.
    #[derive(Clone)]
    struct Log {
        rows: Vec<AuditRow>,
        places: Vec<AuditPlace>,
        cut: usize,
    }

    impl Log {
        fn of(count: u64) -> Self {
            let mut log = Self { rows: Vec::new(), places: vec![AuditPlace::START], cut: 0 };
            (0..count).for_each(|kind| log.add(u16::try_from(kind % 12 + 1).unwrap()));
            log
        }

        fn add(&mut self, kind: u16) {
            let number = self.rows.len() as u64 + 1;
            self.rows.push(AuditRow { number, kind, at: NOW, device_id: None, detail: 0 });
            self.hash_from(self.rows.len());
        }

        /// Hashes anew from a row on.
        fn hash_from(&mut self, number: usize) {
            self.places.truncate(number);
            for row in &self.rows[number - 1..] {
                let before = self.places.last().unwrap().hash;
                let hash = Sha256::digest(hashed_bytes(&before, ADA, row)).into();
                self.places.push(AuditPlace { number: row.number, hash: Exactly(hash) });
            }
        }

        fn page(&self, after: u64) -> AuditPage {
            let asked = usize::try_from(after).unwrap().min(self.rows.len());
            let from = asked.max(self.cut);
            let upto = (from + AUDIT_PAGE_MAX).min(self.rows.len());
            let cut = (from > asked)
                .then(|| AuditCut { previous: self.places[from - 1].hash, row: self.rows[from - 1] });
            AuditPage {
                start: self.places[from],
                cut,
                rows: List::new(self.rows[from..upto].to_vec()).unwrap(),
                head: *self.places.last().unwrap(),
            }
        }

        fn walk(&self, mut walk: AuditWalk) -> Result<AuditWalk, AuditRefusal> {
            let mut after = walk.from();
            loop {
                match walk.take(&self.page(after), NOW)? {
                    WalkStep::More(next) => after = next,
                    WalkStep::Done => return Ok(walk),
                }
            }
        }

        fn seen(&self) -> Option<AuditPlace> {
            self.places.last().copied()
        }
    }

    #[test]
    fn an_honest_log_is_walked_to_its_head_in_pages() {
        let log = Log::of(700);

        let walk = log.walk(AuditWalk::whole(ADA, None)).unwrap();

        assert_eq!(walk.rows().len(), 700);
        assert_eq!(Some(walk.reached()), log.seen());
    }

    #[test]
    fn only_what_is_new_is_walked_and_it_continues_what_was_seen() {
        let mut log = Log::of(5);
        let seen = log.seen();
        log.add(3);

        let walk = log.walk(AuditWalk::since(ADA, seen)).unwrap();

        assert_eq!(walk.rows().len(), 1);
        assert!(log.walk(AuditWalk::since(ADA, log.seen())).unwrap().rows().is_empty());
    }

    #[test]
    fn a_shorter_log_is_refused() {
        let seen = Log::of(6).seen();

        for walk in [AuditWalk::since(ADA, seen), AuditWalk::whole(ADA, seen)] {
            assert_eq!(Log::of(5).walk(walk).unwrap_err(), AuditRefusal::RolledBack);
        }
    }

    #[test]
    fn a_rewritten_row_is_refused_even_when_the_chain_is_made_anew() {
        let honest = Log::of(6);
        for number in 1..=6 {
            let mut forged = honest.clone();
            forged.rows[number - 1].kind = 99;
            forged.hash_from(number);
            forged.add(1);
            for walk in [AuditWalk::since(ADA, honest.seen()), AuditWalk::whole(ADA, honest.seen())] {
                assert_eq!(forged.walk(walk).unwrap_err(), AuditRefusal::Rewritten, "row {number}");
            }
        }
    }

    #[test]
    fn a_row_left_out_is_refused() {
        let mut log = Log::of(6);
        log.rows.remove(2);

        assert_eq!(log.walk(AuditWalk::whole(ADA, None)).unwrap_err(), AuditRefusal::Dropped);
    }

    #[test]
    fn a_changed_field_without_a_new_chain_is_refused_by_somebody_who_sees_the_log_first() {
        let mut log = Log::of(6);
        log.rows[2].at = UnixMillis(1);

        assert_eq!(log.walk(AuditWalk::whole(ADA, None)).unwrap_err(), AuditRefusal::Rewritten);
    }

    #[test]
    fn a_cut_is_refused_while_the_rows_are_young_and_few() {
        let mut log = Log::of(6);
        let seen = log.seen();
        (0..4).for_each(|_| log.add(1));
        for cut in [4, 8] {
            log.cut = cut;
            let walk = AuditWalk::whole(ADA, seen);
            assert_eq!(log.walk(walk).unwrap_err(), AuditRefusal::Dropped);
        }
        assert_eq!(log.walk(AuditWalk::since(ADA, seen)).unwrap_err(), AuditRefusal::Dropped);
    }

    #[test]
    fn a_cut_of_old_or_of_many_rows_is_taken() {
        let mut old = Log::of(6);
        old.rows[3].at = UnixMillis(NOW.0 - AUDIT_SECONDS * 1000);
        old.hash_from(4);
        old.cut = 4;
        let walk = old.walk(AuditWalk::whole(ADA, old.seen())).unwrap();
        assert_eq!((walk.start().number, walk.rows().len()), (4, 2));

        let mut many = Log::of(AUDIT_ROWS_MAX + 6);
        many.cut = 6;
        assert!(many.walk(AuditWalk::whole(ADA, many.seen())).is_ok());
    }

    #[test]
    fn a_cut_row_made_older_than_it_was_is_refused() {
        let mut log = Log::of(6);
        let seen = log.seen();
        log.cut = 4;
        let mut page = log.page(0);
        page.cut.as_mut().unwrap().row.at = UnixMillis(0);
        assert_eq!(AuditWalk::whole(ADA, seen).take(&page, NOW), Err(AuditRefusal::Rewritten));

        log.rows[3].at = UnixMillis(0);
        log.hash_from(4);
        assert_eq!(log.walk(AuditWalk::whole(ADA, seen)).unwrap_err(), AuditRefusal::Rewritten);
    }

    #[test]
    fn a_cut_that_shows_nothing_of_what_went_is_refused() {
        let mut log = Log::of(6);
        log.cut = 4;
        let mut page = log.page(0);
        page.cut = None;

        assert_eq!(AuditWalk::whole(ADA, None).take(&page, NOW), Err(AuditRefusal::Dropped));
    }

    #[test]
    fn a_head_that_the_rows_do_not_lead_to_is_refused() {
        let mut page = Log::of(3).page(0);
        page.head.hash = Exactly([9; 32]);
        assert_eq!(AuditWalk::whole(ADA, None).take(&page, NOW), Err(AuditRefusal::Rewritten));

        let mut page = Log::of(3).page(0);
        page.rows = List::default();
        assert_eq!(AuditWalk::whole(ADA, None).take(&page, NOW), Err(AuditRefusal::Dropped));
    }

    #[test]
    fn another_accounts_log_is_refused() {
        let walk = AuditWalk::whole(AccountId::from_bytes([2; 16]), None);

        assert_eq!(Log::of(3).walk(walk).unwrap_err(), AuditRefusal::Rewritten);
    }
}
