// Package mailbox keeps mails as files in the place of a mail service: `make run` has no other. Every mail program opens
// them, and the console shows each tenant its own.
//
// A file is there whole or not at all, also after a crash. Nothing leaves the machine, and nothing is deleted.
package mailbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"hookline/shared/notify"
)

// Folder is where the mails go.
type Folder struct {
	Path string
	Now  func() time.Time // the deployment's clock
	Log  *slog.Logger

	mu sync.Mutex
}

// Send writes a mail to a file of its own.
func (f *Folder) Send(ctx context.Context, m notify.Mail) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := os.MkdirAll(f.Path, 0o700); err != nil {
		return err
	}
	now := f.Now()
	name, err := f.free(now.UTC().Format("20060102T150405"), slug(m.Subject))
	if err != nil {
		return err
	}
	if err := write(name, message(m, now)); err != nil {
		return err
	}
	f.Log.InfoContext(ctx, "mail.sent", "to", m.To, "subject", m.Subject, "file", name)
	return nil
}

// free returns the first name of that second that no file has.
func (f *Folder) free(second, slug string) (string, error) {
	for n := 1; ; n++ {
		taken, err := filepath.Glob(filepath.Join(f.Path, fmt.Sprintf("%s-%d-*", second, n)))
		if err != nil {
			return "", err
		}
		if len(taken) == 0 {
			return filepath.Join(f.Path, fmt.Sprintf("%s-%d-%s.eml", second, n, slug)), nil
		}
	}
}

// tenantHeader says whose owner a mail is for: several can share an address.
const tenantHeader = "X-Hookline-Tenant"

const maxSlug = 60

// slug makes a part of a file's name of text.
func slug(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	s := strings.Join(words, "-")
	return strings.Trim(s[:min(len(s), maxSlug)], "-")
}

// message returns the mail as RFC 5322 has it.
func message(m notify.Mail, now time.Time) []byte {
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("From", (&mail.Address{Name: "Hookline", Address: "webhooks@hookline.invalid"}).String())
	header("To", (&mail.Address{Address: m.To}).String())
	// RFC 2047 has several encoded words on lines of their own.
	header("Subject", strings.ReplaceAll(mime.QEncoding.Encode("utf-8", m.Subject), "?= =?", "?=\r\n =?"))
	header("Date", now.Format(time.RFC1123Z))
	header(tenantHeader, m.Tenant)
	header("Message-ID", "<"+strings.ToLower(rand.Text())+"@hookline.invalid>")
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.ReplaceAll(m.Text, "\n", "\r\n"))) // to memory
	_ = w.Close()
	return b.Bytes()
}

// write makes a file whole: under another name until it is on disk.
func write(name string, text []byte) error {
	tmp := filepath.Join(filepath.Dir(name), ".new")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		if gone := os.Remove(tmp); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return err
	}
	return os.Rename(tmp, name)
}
