//! The account's own group, "Note to self": an MLS group of one's devices alone, made when it is first needed. Through
//! it the remaining devices get the root key of the next generation after a removal (K-8).

use protocol::{
    AccountId, ClaimId, GroupId, MessageId, key_packages::ClaimedKeyPackages, socket::from_bytes,
};

use super::{
    Client, CommandError, CommandErrorCode, Context,
    content::Body,
    outbox::Draft,
    pending::Purpose,
    random,
    stored::{GroupStage, StoredSecret},
};
use crate::{device_list::VerifiedDeviceList, root_key::RootKey};

/// Root keys that wait for a list which commits to them.
const ROOT_OFFERS_MAX: usize = 128;

impl Client {
    pub(super) fn is_self_group(&self, group: GroupId) -> bool {
        let peer = self.groups.get(&group).map(|slot| slot.summary.peer);
        peer.is_some() && peer == self.own_account().ok()
    }

    fn self_group(&self) -> Option<(GroupId, GroupStage)> {
        let own = self.own_account().ok()?;
        let stage = |group: GroupId| Some((group, self.groups.get(&group)?.summary.stage));
        self.groups_with(own).into_iter().filter_map(stage).find(|(_, stage)| *stage != GroupStage::Ended)
    }

    /// Tells one's other devices the root keys, or asks them for the newest, as far as something is owed.
    pub(super) fn tend_self(&mut self, cx: &mut Context<'_>) {
        let Some(account) = self.enrolled() else { return };
        let (own, unsent) = (account.device_id, account.root_unsent);
        let Ok(list) = VerifiedDeviceList::verify(&account.device_list) else { return };
        let asks = self.lacks_root() && !self.session.root_asked;
        let alone = list.body().live().all(|entry| entry.device == own);
        if !self.session.is_caught_up() || alone || !(unsent || asks) {
            return;
        }
        match self.self_group() {
            Some((group, GroupStage::Active)) if unsent && !self.lacks_root() => {
                self.send_root_keys(group, cx);
            }
            Some((group, GroupStage::Active)) if asks => {
                self.session.root_asked = true;
                self.say_to_self(group, Body::RootWanted, cx);
            }
            None if unsent && self.session.groups_listed => self.claim_self(cx),
            // Whoever asks waits for the group that the one who removed a device makes.
            Some(_) | None => {}
        }
    }

    /// Whether the signed list commits to a root key that this device does not have.
    pub(super) fn lacks_root(&self) -> bool {
        let Some(account) = &self.account else { return false };
        let Ok(list) = VerifiedDeviceList::verify(&account.device_list) else { return false };
        account.root_keys.iter().all(|(generation, _)| *generation < list.body().root_generation)
    }

    fn send_root_keys(&mut self, group: GroupId, cx: &mut Context<'_>) {
        let Some(account) = &mut self.account else { return };
        account.root_unsent = false;
        let keys = account.root_keys.clone();
        self.save_account(cx);
        self.say_to_self(group, Body::RootKeys(keys), cx);
    }

    fn say_to_self(&mut self, group: GroupId, body: Body, cx: &mut Context<'_>) {
        let message_id = MessageId::from_bytes(random(cx.rng));
        // A full outbox: the others ask when they come.
        let _ = self.put_outbox(group, Draft { message_id, body, view: None, awaits_upload: false }, cx);
        self.flush(group, cx);
    }

    fn claim_self(&mut self, cx: &mut Context<'_>) {
        let Ok(own) = self.own_account() else { return };
        if self.requests.has_self_claim() {
            return;
        }
        let claim = ClaimId::from_bytes(random(cx.rng));
        self.claim(own, claim, Purpose::ClaimSelf(claim));
    }

    pub(super) fn handle_self_claim(&mut self, claim: ClaimId, body: &[u8], cx: &mut Context<'_>) {
        // A relay that gives nothing usable is asked again on the next connection.
        let _ = self.create_self_group(claim, body, cx);
    }

    fn create_self_group(
        &mut self,
        claim: ClaimId,
        body: &[u8],
        cx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        let claimed: ClaimedKeyPackages = from_bytes(body).map_err(|_| CommandErrorCode::RelayMisbehaved)?;
        if self.self_group().is_some() {
            return Ok(());
        }
        let own = self.own_account()?;
        let invited = self.check_claimed(own, &claimed, cx.now)?;
        self.create_group(own, invited, vec![claim], cx)?;
        Ok(())
    }

    // ---- what one's other devices say

    /// Root keys from another device of one's own, in the own group alone.
    pub(super) fn take_root_keys(
        &mut self,
        (group, author): (GroupId, AccountId),
        keys: Vec<(u32, StoredSecret)>,
        cx: &mut Context<'_>,
    ) {
        if !self.is_self_group(group) || self.own_account().ok() != Some(author) {
            return;
        }
        if let Some(account) = &mut self.account {
            account.root_offers.extend(keys);
            let excess = account.root_offers.len().saturating_sub(ROOT_OFFERS_MAX);
            account.root_offers.drain(..excess);
            let own = account.account_id;
            if !self.adopt_roots(cx) {
                // The list that commits to the newest may be on its way.
                self.fetch_account(own);
            }
        }
        self.save_account(cx);
    }

    pub(super) fn take_root_wish(&mut self, group: GroupId, author: AccountId, cx: &mut Context<'_>) {
        if !self.is_self_group(group) || self.own_account().ok() != Some(author) || self.lacks_root() {
            return;
        }
        if let Some(account) = &mut self.account {
            account.root_unsent = true;
        }
        self.save_account(cx);
        self.tend_self(cx);
    }

    /// Takes offered root keys once the signed list commits to the newest of them. `false`: some wait for a later list.
    pub(super) fn adopt_roots(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(account) = &mut self.account else { return false };
        let Ok(list) = VerifiedDeviceList::verify(&account.device_list) else { return false };
        let offers = core::mem::take(&mut account.root_offers);
        let (due, later): (Vec<_>, Vec<_>) =
            offers.into_iter().partition(|(generation, _)| *generation <= list.body().root_generation);
        let due: Vec<RootKey> =
            due.iter().map(|(generation, key)| RootKey::from_bytes(*generation, key.0)).collect();
        let right = |key: &RootKey| key.generation() < list.body().root_generation || list.commits_to(key);
        let taken: Vec<RootKey> = due.into_iter().filter(right).collect();
        account.root_offers = later;
        let waits = !account.root_offers.is_empty();
        let lacked = self.lacks_root();
        // Older ones count for what they are only beside the one to which the list commits.
        if taken.iter().any(|key| list.commits_to(key)) {
            self.keep_roots(&taken);
        }
        self.save_account(cx);
        if lacked && !self.lacks_root() {
            // What waited for this key is read; what the others have not sealed anew by then is sealed anew here.
            self.begin_feed();
        }
        !waits
    }

    /// Generations that this device has keep their key.
    pub(super) fn keep_roots(&mut self, keys: &[RootKey]) {
        let Some(account) = &mut self.account else { return };
        for key in keys {
            if account.root_keys.iter().all(|(generation, _)| *generation != key.generation()) {
                account.root_keys.push((key.generation(), StoredSecret(*key.expose())));
            }
        }
    }
}
