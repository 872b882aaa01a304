import type { CoreHandlers } from '../calls';
import type { Engine } from './engine';
import type { Host } from './host';

/** Every call of the page, one to one: which call into the core it is. */
export function coreHandlers(host: Host): CoreHandlers {
  const ask = async <T>(work: (engine: Engine, now: number) => T): Promise<T> => (await host.core()).loop.call(work);
  const run = async <T>(work: (engine: Engine, now: number) => number): Promise<T> =>
    (await host.core()).loop.command<T>(work);
  const act = async (work: (engine: Engine, now: number) => void) => {
    await ask(work);
    return {};
  };

  return {
    boot: async () => host.boot(),
    takeOver: async () => host.takeOver(),
    wake: async () => {
      await host.reconnect();
      return {};
    },

    unlock: async ({ passphrase }) => host.unlock(passphrase),
    setLock: async ({ passphrase, current }) => {
      await host.setLock(passphrase, current);
      return {};
    },
    removeLock: async ({ current }) => {
      await host.removeLock(current);
      return {};
    },
    chooseKeeping: async ({ keeping }) => {
      await host.chooseKeeping(keeping);
      return {};
    },

    checkHandle: async ({ handle }) => run((core, now) => core.checkHandle(handle, now)),
    checkRegistration: async () => run((core, now) => core.checkRegistration(now)),
    createAccount: async (account) => run((core, now) => core.createAccount(account, now)),
    logIn: async (logIn) => run((core, now) => core.logIn(logIn, now)),
    recoverAccount: async (recover) => run((core, now) => core.recoverAccount(recover, now)),
    showFactor: async ({ kind, code }) => run((core, now) => core.showFactor(kind, code, now)),
    listFactors: async () => run((core, now) => core.listFactors(now)),
    provePassword: async ({ password }) => run((core, now) => core.provePassword(password, now)),
    startTotp: async () => run((core, now) => core.startTotp(now)),
    confirmTotp: async ({ code }) => run((core, now) => core.confirmTotp(code, now)),
    removeTotp: async () => run((core, now) => core.removeTotp(now)),
    sendEmailCode: async () => run((core, now) => core.sendEmailCode(now)),
    startEmail: async ({ address }) => run((core, now) => core.startEmail(address, now)),
    confirmEmail: async ({ code }) => run((core, now) => core.confirmEmail(code, now)),
    removeEmail: async () => run((core, now) => core.removeEmail(now)),
    endSessions: async ({ sessionId }) => run((core, now) => core.endSessions(sessionId ?? undefined, now)),
    deleteAccount: async ({ handle }) => run((core, now) => core.deleteAccount(handle, now)),
    renewRecoveryCodes: async () => run((core, now) => core.renewRecoveryCodes(now)),
    logOut: async () => {
      await host.logOut();
      return {};
    },
    forgetAccount: async () => {
      await host.forget();
      return {};
    },

    recoveryKey: async () => ask((core) => ({ groups: core.recoveryKey() })),
    confirmRecoveryKey: async () => act((core, now) => core.confirmRecoveryKey(now)),
    changeProfile: async ({ displayName, colour }) => act((core, now) => core.changeProfile(displayName, colour, now)),

    listDevices: async () => ask((core) => core.devices()),
    removeDevices: async ({ deviceIds, password }) => run((core, now) => core.removeDevices(deviceIds, password, now)),

    listSessions: async () => run((core, now) => core.listSessions(now)),
    relayKnowledge: async () => run((core, now) => core.relayKnowledge(now)),
    listAudit: async () => run((core, now) => core.listAudit(now)),
    restartAudit: async () => act((core, now) => core.restartAudit(now)),
    settings: async () => ask((core) => core.settings()),
    changeSettings: async (choices) => act((core, now) => core.changeSettings(choices, now)),

    listConversations: async () => ask((core) => core.conversations()),
    startConversationByLink: async ({ handle, fingerprint }) => run((core, now) => core.startConversationByLink(handle, fingerprint, now)),
    startConversation: async ({ handle }) => run((core, now) => core.startConversation(handle, now)),
    listMessages: async ({ groupId, beforeSeq, limit }) =>
      run((core, now) => core.listMessages(groupId, beforeSeq, limit, now)),
    sendText: async ({ groupId, text }) => ({
      messageId: await ask((core, now) => core.sendText(groupId, text, now)),
    }),
    retryMessage: async ({ groupId, messageId }) => {
      if (await (await host.core()).transfers.retry(messageId)) return {};
      return act((core, now) => core.retryMessage(groupId, messageId, now));
    },
    markRead: async ({ groupId, uptoSeq }) => act((core, now) => core.markRead(groupId, uptoSeq, now)),

    sendFile: async (args) => (await host.core()).transfers.send(args),
    openFile: async (args) => (await host.core()).transfers.open(args),
    cancelTransfer: async ({ messageId }) => {
      await (await host.core()).transfers.cancel(messageId);
      return {};
    },

    contactDetails: async ({ accountId }) => ask((core) => core.contactDetails(accountId)),
    confirmMatch: async ({ accountId, fingerprint }) =>
      act((core, now) => core.confirmMatch(accountId, fingerprint, now)),
    blockContact: async ({ accountId }) => act((core, now) => core.blockContact(accountId, now)),
    unblockContact: async ({ accountId }) => act((core, now) => core.unblockContact(accountId, now)),
    acceptContact: async ({ accountId }) => act((core, now) => core.acceptContact(accountId, now)),
    removeContact: async ({ accountId }) => act((core, now) => core.removeContact(accountId, now)),
    withdrawVerification: async ({ accountId }) => act((core, now) => core.withdrawVerification(accountId, now)),
    acceptKey: async ({ accountId, fingerprint }) => act((core, now) => core.acceptKey(accountId, fingerprint, now)),
    heedRefusedList: async ({ accountId }) => act((core, now) => core.heedRefusedList(accountId, now)),
    scanQr: async ({ accountId, payload }) => ({
      outcome: await ask((core, now) => core.scanQr(accountId, payload, now)),
    }),
  };
}
