//! OpenMLS's storage trait over [`GroupStore`]: which value stands under which key.

use super::storage::{GroupStore, StoreError, encode, epoch_keys, key, key_package, leaf_key};
use openmls_traits::storage::{CURRENT_VERSION, Entity, StorageProvider, traits};

impl StorageProvider<CURRENT_VERSION> for GroupStore {
    type Error = StoreError;

    fn write_mls_join_config<
        G: traits::GroupId<CURRENT_VERSION>,
        V: traits::MlsGroupJoinConfig<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        config: &V,
    ) -> Result<(), StoreError> {
        self.put(self.of_group(group_id, key::CONFIG)?, config)
    }

    fn append_own_leaf_node<G: traits::GroupId<CURRENT_VERSION>, V: traits::LeafNode<CURRENT_VERSION>>(
        &self,
        group_id: &G,
        leaf_node: &V,
    ) -> Result<(), StoreError> {
        // Only proposals to update one's own leaf come here, which this client never makes: it commits.
        let _ = (group_id, leaf_node);
        Err(StoreError::NotKept)
    }

    fn queue_proposal<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        V: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        proposal_ref: &R,
        proposal: &V,
    ) -> Result<(), StoreError> {
        let key = self.of_group(group_id, key::PROPOSALS)?;
        let mut queue: Vec<(Vec<u8>, Vec<u8>)> = self.list(&key)?;
        queue.push((encode(proposal_ref)?.to_vec(), encode(proposal)?.to_vec()));
        self.put(key, &queue)
    }

    fn write_tree<G: traits::GroupId<CURRENT_VERSION>, V: traits::TreeSync<CURRENT_VERSION>>(
        &self,
        group_id: &G,
        tree: &V,
    ) -> Result<(), StoreError> {
        self.put(self.of_group(group_id, key::TREE)?, tree)
    }

    fn write_interim_transcript_hash<
        G: traits::GroupId<CURRENT_VERSION>,
        V: traits::InterimTranscriptHash<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        interim_transcript_hash: &V,
    ) -> Result<(), StoreError> {
        self.put(self.of_group(group_id, key::INTERIM_HASH)?, interim_transcript_hash)
    }

    fn write_context<G: traits::GroupId<CURRENT_VERSION>, V: traits::GroupContext<CURRENT_VERSION>>(
        &self,
        group_id: &G,
        group_context: &V,
    ) -> Result<(), StoreError> {
        self.put(self.of_group(group_id, key::CONTEXT)?, group_context)
    }

    fn write_confirmation_tag<
        G: traits::GroupId<CURRENT_VERSION>,
        V: traits::ConfirmationTag<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        confirmation_tag: &V,
    ) -> Result<(), StoreError> {
        self.put(self.of_group(group_id, key::CONFIRMATION_TAG)?, confirmation_tag)
    }

    fn write_group_state<V: traits::GroupState<CURRENT_VERSION>, G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &G,
        group_state: &V,
    ) -> Result<(), StoreError> {
        self.put(self.of_group(group_id, key::STATE)?, group_state)
    }

    fn write_message_secrets<
        G: traits::GroupId<CURRENT_VERSION>,
        V: traits::MessageSecrets<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        message_secrets: &V,
    ) -> Result<(), StoreError> {
        self.put(self.of_group(group_id, key::MESSAGE_SECRETS)?, message_secrets)
    }

    fn write_resumption_psk_store<
        G: traits::GroupId<CURRENT_VERSION>,
        V: traits::ResumptionPskStore<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        resumption_psk_store: &V,
    ) -> Result<(), StoreError> {
        self.put(self.of_group(group_id, key::RESUMPTION)?, resumption_psk_store)
    }

    fn write_own_leaf_index<
        G: traits::GroupId<CURRENT_VERSION>,
        V: traits::LeafNodeIndex<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        own_leaf_index: &V,
    ) -> Result<(), StoreError> {
        self.put(self.of_group(group_id, key::OWN_LEAF_INDEX)?, own_leaf_index)
    }

    fn write_group_epoch_secrets<
        G: traits::GroupId<CURRENT_VERSION>,
        V: traits::GroupEpochSecrets<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        group_epoch_secrets: &V,
    ) -> Result<(), StoreError> {
        self.put(self.of_group(group_id, key::EPOCH_SECRETS)?, group_epoch_secrets)
    }

    fn write_signature_key_pair<
        K: traits::SignaturePublicKey<CURRENT_VERSION>,
        V: traits::SignatureKeyPair<CURRENT_VERSION>,
    >(
        &self,
        _: &K,
        _: &V,
    ) -> Result<(), StoreError> {
        Err(StoreError::NotKept)
    }

    fn write_encryption_key_pair<
        K: traits::EncryptionKey<CURRENT_VERSION>,
        V: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        public_key: &K,
        key_pair: &V,
    ) -> Result<(), StoreError> {
        self.put(leaf_key(public_key)?, key_pair)
    }

    fn write_encryption_epoch_key_pairs<
        G: traits::GroupId<CURRENT_VERSION>,
        E: traits::EpochKey<CURRENT_VERSION>,
        V: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        epoch: &E,
        leaf_index: u32,
        key_pairs: &[V],
    ) -> Result<(), StoreError> {
        self.put(self.of_group(group_id, &epoch_keys(epoch, leaf_index)?)?, &key_pairs)
    }

    fn write_key_package<
        R: traits::HashReference<CURRENT_VERSION>,
        V: traits::KeyPackage<CURRENT_VERSION>,
    >(
        &self,
        hash_ref: &R,
        bundle: &V,
    ) -> Result<(), StoreError> {
        self.put(key_package(hash_ref)?, bundle)
    }

    fn write_psk<K: traits::PskId<CURRENT_VERSION>, V: traits::PskBundle<CURRENT_VERSION>>(
        &self,
        _: &K,
        _: &V,
    ) -> Result<(), StoreError> {
        Err(StoreError::NotKept)
    }

    fn mls_group_join_config<
        G: traits::GroupId<CURRENT_VERSION>,
        V: traits::MlsGroupJoinConfig<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
    ) -> Result<Option<V>, StoreError> {
        self.get(&self.of_group(group_id, key::CONFIG)?)
    }

    fn own_leaf_nodes<G: traits::GroupId<CURRENT_VERSION>, V: traits::LeafNode<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<Vec<V>, StoreError> {
        self.list(&self.of_group(group_id, key::OWN_LEAF_NODES)?)
    }

    fn queued_proposal_refs<G: traits::GroupId<CURRENT_VERSION>, R: traits::ProposalRef<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<Vec<R>, StoreError> {
        let key = self.of_group(group_id, key::PROPOSALS)?;
        let queue: Vec<(Vec<u8>, Vec<u8>)> = self.list(&key)?;
        queue.iter().map(|(reference, _)| decode(&key, reference)).collect()
    }

    fn queued_proposals<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        V: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
    ) -> Result<Vec<(R, V)>, StoreError> {
        let key = self.of_group(group_id, key::PROPOSALS)?;
        let queue: Vec<(Vec<u8>, Vec<u8>)> = self.list(&key)?;
        queue
            .iter()
            .map(|(reference, proposal)| Ok((decode(&key, reference)?, decode(&key, proposal)?)))
            .collect()
    }

    fn tree<G: traits::GroupId<CURRENT_VERSION>, V: traits::TreeSync<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<Option<V>, StoreError> {
        self.get(&self.of_group(group_id, key::TREE)?)
    }

    fn group_context<G: traits::GroupId<CURRENT_VERSION>, V: traits::GroupContext<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<Option<V>, StoreError> {
        self.get(&self.of_group(group_id, key::CONTEXT)?)
    }

    fn interim_transcript_hash<
        G: traits::GroupId<CURRENT_VERSION>,
        V: traits::InterimTranscriptHash<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
    ) -> Result<Option<V>, StoreError> {
        self.get(&self.of_group(group_id, key::INTERIM_HASH)?)
    }

    fn confirmation_tag<G: traits::GroupId<CURRENT_VERSION>, V: traits::ConfirmationTag<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<Option<V>, StoreError> {
        self.get(&self.of_group(group_id, key::CONFIRMATION_TAG)?)
    }

    fn group_state<V: traits::GroupState<CURRENT_VERSION>, G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<Option<V>, StoreError> {
        self.get(&self.of_group(group_id, key::STATE)?)
    }

    fn message_secrets<G: traits::GroupId<CURRENT_VERSION>, V: traits::MessageSecrets<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<Option<V>, StoreError> {
        self.get(&self.of_group(group_id, key::MESSAGE_SECRETS)?)
    }

    fn resumption_psk_store<
        G: traits::GroupId<CURRENT_VERSION>,
        V: traits::ResumptionPskStore<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
    ) -> Result<Option<V>, StoreError> {
        self.get(&self.of_group(group_id, key::RESUMPTION)?)
    }

    fn own_leaf_index<G: traits::GroupId<CURRENT_VERSION>, V: traits::LeafNodeIndex<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<Option<V>, StoreError> {
        self.get(&self.of_group(group_id, key::OWN_LEAF_INDEX)?)
    }

    fn group_epoch_secrets<
        G: traits::GroupId<CURRENT_VERSION>,
        V: traits::GroupEpochSecrets<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
    ) -> Result<Option<V>, StoreError> {
        self.get(&self.of_group(group_id, key::EPOCH_SECRETS)?)
    }

    fn signature_key_pair<
        K: traits::SignaturePublicKey<CURRENT_VERSION>,
        V: traits::SignatureKeyPair<CURRENT_VERSION>,
    >(
        &self,
        _: &K,
    ) -> Result<Option<V>, StoreError> {
        Ok(None)
    }

    fn encryption_key_pair<
        V: traits::HpkeKeyPair<CURRENT_VERSION>,
        K: traits::EncryptionKey<CURRENT_VERSION>,
    >(
        &self,
        public_key: &K,
    ) -> Result<Option<V>, StoreError> {
        self.get(&leaf_key(public_key)?)
    }

    fn encryption_epoch_key_pairs<
        G: traits::GroupId<CURRENT_VERSION>,
        E: traits::EpochKey<CURRENT_VERSION>,
        V: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        epoch: &E,
        leaf_index: u32,
    ) -> Result<Vec<V>, StoreError> {
        self.list(&self.of_group(group_id, &epoch_keys(epoch, leaf_index)?)?)
    }

    fn key_package<R: traits::HashReference<CURRENT_VERSION>, V: traits::KeyPackage<CURRENT_VERSION>>(
        &self,
        hash_ref: &R,
    ) -> Result<Option<V>, StoreError> {
        self.get(&key_package(hash_ref)?)
    }

    fn psk<V: traits::PskBundle<CURRENT_VERSION>, K: traits::PskId<CURRENT_VERSION>>(
        &self,
        _: &K,
    ) -> Result<Option<V>, StoreError> {
        Ok(None)
    }

    fn remove_proposal<G: traits::GroupId<CURRENT_VERSION>, R: traits::ProposalRef<CURRENT_VERSION>>(
        &self,
        group_id: &G,
        proposal_ref: &R,
    ) -> Result<(), StoreError> {
        let key = self.of_group(group_id, key::PROPOSALS)?;
        let mut queue: Vec<(Vec<u8>, Vec<u8>)> = self.list(&key)?;
        let reference = encode(proposal_ref)?;
        queue.retain(|(kept, _)| kept != reference.as_slice());
        self.put(key, &queue)
    }

    fn delete_own_leaf_nodes<G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<(), StoreError> {
        self.forget(group_id, key::OWN_LEAF_NODES)
    }

    fn delete_group_config<G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<(), StoreError> {
        self.forget(group_id, key::CONFIG)
    }

    fn delete_tree<G: traits::GroupId<CURRENT_VERSION>>(&self, group_id: &G) -> Result<(), StoreError> {
        self.forget(group_id, key::TREE)
    }

    fn delete_confirmation_tag<G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<(), StoreError> {
        self.forget(group_id, key::CONFIRMATION_TAG)
    }

    fn delete_group_state<G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<(), StoreError> {
        self.forget(group_id, key::STATE)
    }

    fn delete_context<G: traits::GroupId<CURRENT_VERSION>>(&self, group_id: &G) -> Result<(), StoreError> {
        self.forget(group_id, key::CONTEXT)
    }

    fn delete_interim_transcript_hash<G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<(), StoreError> {
        self.forget(group_id, key::INTERIM_HASH)
    }

    fn delete_message_secrets<G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<(), StoreError> {
        self.forget(group_id, key::MESSAGE_SECRETS)
    }

    fn delete_all_resumption_psk_secrets<G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<(), StoreError> {
        self.forget(group_id, key::RESUMPTION)
    }

    fn delete_own_leaf_index<G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<(), StoreError> {
        self.forget(group_id, key::OWN_LEAF_INDEX)
    }

    fn delete_group_epoch_secrets<G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<(), StoreError> {
        self.forget(group_id, key::EPOCH_SECRETS)
    }

    fn clear_proposal_queue<G: traits::GroupId<CURRENT_VERSION>, R: traits::ProposalRef<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<(), StoreError> {
        self.forget(group_id, key::PROPOSALS)
    }

    fn delete_signature_key_pair<K: traits::SignaturePublicKey<CURRENT_VERSION>>(
        &self,
        _: &K,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn delete_encryption_key_pair<K: traits::EncryptionKey<CURRENT_VERSION>>(
        &self,
        public_key: &K,
    ) -> Result<(), StoreError> {
        self.remove(leaf_key(public_key)?);
        Ok(())
    }

    fn delete_encryption_epoch_key_pairs<
        G: traits::GroupId<CURRENT_VERSION>,
        E: traits::EpochKey<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        epoch: &E,
        leaf_index: u32,
    ) -> Result<(), StoreError> {
        self.remove(self.of_group(group_id, &epoch_keys(epoch, leaf_index)?)?);
        Ok(())
    }

    fn delete_key_package<R: traits::HashReference<CURRENT_VERSION>>(
        &self,
        hash_ref: &R,
    ) -> Result<(), StoreError> {
        self.remove(key_package(hash_ref)?);
        Ok(())
    }

    fn delete_psk<K: traits::PskId<CURRENT_VERSION>>(&self, _: &K) -> Result<(), StoreError> {
        Ok(())
    }
}

fn decode<V: Entity<CURRENT_VERSION>>(key: &str, bytes: &[u8]) -> Result<V, StoreError> {
    minicbor_serde::from_slice(bytes).map_err(|_| StoreError::Corrupt { key: key.to_owned() })
}
