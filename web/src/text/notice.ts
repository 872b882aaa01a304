import type { Notice } from '../core/calls';
import { text } from './en';

/** One line for a notice; `own`: the account it is about is one's own. */
export function noticeText(notice: Notice, { name, own }: { name: string; own: boolean }): string {
  switch (notice.notice) {
    case 'joinedHere':
      return text.notice.joinedHere;
    case 'keyChanged':
      return text.notice.keyChanged(name, notice.wasVerified);
    case 'verified':
      return text.notice.verified(name);
    case 'verificationWithdrawn':
      return text.notice.verificationWithdrawn(name);
    case 'deviceAdded':
      return own ? text.notice.ownDeviceAdded : text.notice.deviceAdded(name);
    case 'deviceRemoved':
      return own ? text.notice.ownDeviceRemoved : text.notice.deviceRemoved(name);
    case 'gap':
      return text.notice.gap(notice.count);
    case 'unreadable':
      return text.notice.unreadable;
    case 'deviceListRefused':
      return text.notice.deviceListRefused(name, text.listFault[notice.fault]);
    case 'deviceListRepaired':
      return text.notice.deviceListRepaired(name);
    case 'accountDeleted':
      return text.deletion.notice(name);
  }
}
