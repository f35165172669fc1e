//! Ending a run, so that the next one can believe what it finds.

use crate::store::{
    StoreError,
    embedded::{
        EmbeddedStore,
        journal::failure,
        keeper,
        marker::{self, Marker},
    },
};

impl EmbeddedStore {
    /// Marks the journal as durable, syncs the state and notes that the run ended cleanly.
    ///
    /// Dropping the store does the same, but cannot say when it fails. A run that could not end
    /// cleanly loses nothing: the next one replays.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), StoreError> {
        if std::mem::replace(&mut self.closed, true) {
            return Ok(());
        }
        self.keeper.stop();
        let mut writer = self.journal.writer();
        let marked = keeper::mark(&self.journal, &mut writer);
        let synced = self.state.close();
        marked?;
        if !synced || writer.failed() {
            tracing::warn!("the run did not end cleanly; the next one checks more");
            return Ok(());
        }
        let (frame, link) = writer.last_frame();
        let (directory, boot) = (self.directory, self.boot.clone());
        let path = marker::path(&self.path);
        Marker { directory, boot, clean: true, frame, link }
            .write(self.options.files.as_ref(), &self.path)
            .map_err(|source| failure("it cannot be written", &path, source))
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(error = %error, "the run did not end cleanly; the next one checks more");
        }
    }
}
