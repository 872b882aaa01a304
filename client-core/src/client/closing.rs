//! A conversation whose other account was deleted: it can be read, a line says what happened, and nothing can be sent.

use protocol::{AccountId, GroupId};

use super::{Client, CommandErrorCode, Context, Delivery, Notice, stored::GroupStage};

impl Client {
    /// The relay says that the other account of this direct group is gone. What it wrote before may still come.
    pub(super) fn group_closed(&mut self, group: GroupId, cx: &mut Context<'_>) {
        let Some(slot) = self.groups.get_mut(&group) else { return };
        if slot.summary.is_closed() || slot.summary.stage == GroupStage::Ended {
            return;
        }
        slot.summary.closed_at = Some(cx.now);
        let account_id = slot.summary.peer;
        if self.is_renewing(group) {
            self.drop_bundle(group);
        }
        self.write_notice(group, Notice::AccountDeleted { account_id }, cx);
        self.save_summary(group, cx);
        for order in self.unsent(group) {
            self.fail_item(group, order, CommandErrorCode::AccountGone, cx);
        }
        self.show_contact(account_id);
    }

    /// The relay has no such account any more.
    pub(super) fn account_gone(&mut self, account: AccountId, cx: &mut Context<'_>) {
        for group in self.groups_with(account) {
            self.group_closed(group, cx);
        }
    }

    fn unsent(&self, group: GroupId) -> Vec<u64> {
        let items = self.outbox.range((group, 0)..=(group, u64::MAX));
        let unsent = items.filter(|(_, item)| item.seq.is_none() && item.delivery == Delivery::Queued);
        unsent.map(|((_, order), _)| *order).collect()
    }
}
