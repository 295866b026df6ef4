package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"hookline/shared/seal"
	"hookline/shared/sqlitedb"
)

// Names of the files that belong together: each is useless, or does harm, without the other.
const (
	storeFile   = sqlitedb.FileName
	sealKeyFile = "seal-key"
	// completeFile says that the others have all been there. A first start writes it last.
	completeFile = "complete"
	// queueFile had the queues in it until they moved into storeFile.
	queueFile = sqlitedb.QueueFileName
)

// complete reports an error where a part of the folder is lost: the system would start with an empty one, and accept
// events that it cannot deliver. A first start makes seal-key before store.db, so a crash during it leaves none of these
// cases behind. In a folder that has not been opened since the queues had a file of their own, that file is a part too.
func (d *dataDir) complete() error {
	has := make(map[string]bool)
	for _, name := range []string{storeFile, queueFile, sealKeyFile, completeFile} {
		var err error
		if has[name], err = d.has(name); err != nil {
			return fmt.Errorf("DATA_DIR: %w", err)
		}
	}
	lost := func(name, beside, what string) error {
		return fmt.Errorf("DATA_DIR %s has %s and no %s, or an empty one: %s; "+
			"restore %s from the back-up that the other files are from, or delete the folder to start over", d.path, beside, name, what, name)
	}
	switch {
	case has[queueFile] && !has[storeFile]:
		return lost(storeFile, queueFile, "the tenants and webhooks that the queued deliveries are for are gone")
	case has[storeFile] && !has[sealKeyFile]:
		return lost(sealKeyFile, storeFile, "no secret of a webhook could be opened, and nothing delivered")
	case has[completeFile] && !has[storeFile]:
		return lost(storeFile, completeFile, "tenants, webhooks and what was delivered are gone")
	case has[completeFile] && !has[queueFile]:
		inside, err := sqlitedb.HasQueues(d.file(storeFile))
		if err != nil {
			return fmt.Errorf("DATA_DIR: %w", err)
		}
		if !inside {
			return fmt.Errorf("%w; or remove the file %s to go on with an empty queue",
				lost(queueFile, storeFile, "events that were accepted and not yet delivered are gone"), completeFile)
		}
	}
	return nil
}

// setComplete notes that the folder has all its parts.
func (d *dataDir) setComplete() error {
	note := storeFile + " and " + sealKeyFile + " belong together\n"
	if b, err := os.ReadFile(d.file(completeFile)); err == nil && string(b) == note {
		return nil
	}
	return d.write(completeFile, []byte(note))
}

// checkStore keeps what tells whether a store was sealed with the key that is there now.
type checkStore interface {
	PutPayload(ctx context.Context, tenant, ref string, body []byte, expires time.Time) error
	Payloads(ctx context.Context, tenant string, refs []string) (map[string][]byte, error)
}

const (
	// checkTenant is where the check value is: no tenant can have this id.
	checkTenant = "@keys"
	checkRef    = "check"
	checkText   = "sealed with the seal-key of this folder"
)

// checkSealKey reports an error where the store was sealed with another key: every secret in it would be unreadable, and
// nothing could be delivered. The first start seals a check value; a folder that was made before there was one gets it now.
func checkSealKey(ctx context.Context, store checkStore, box seal.Box, path string) error {
	found, err := store.Payloads(ctx, checkTenant, []string{checkRef})
	if err != nil {
		return err
	}
	sealed, ok := found[checkRef]
	if !ok {
		if sealed, err = box.Seal(ctx, []byte(checkText), checkRef); err != nil {
			return err
		}
		return store.PutPayload(ctx, checkTenant, checkRef, sealed, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
	}
	plain, err := box.Open(ctx, sealed, checkRef)
	if errors.Is(err, seal.ErrUnreadable) || err == nil && string(plain) != checkText {
		return fmt.Errorf("%s in DATA_DIR %s is not the key that the webhooks' secrets were sealed with: nothing could be delivered; "+
			"restore it from the back-up that the other files are from, or delete the folder to start over", sealKeyFile, path)
	}
	return err
}
