package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// CheckpointEvery is the number of records between two checkpoints of a Digest.
const CheckpointEvery = 1024

// Digest sums up a history while it is made. Two runs with the same sum made the
// same records in the same order. Where they did not, the checkpoints tell which
// block of CheckpointEvery records holds the first difference, so that it can be
// found by looking at one block and without keeping either history.
//
// The sum is the SHA-256 of all records, each preceded by its length as a
// big-endian 32-bit number; so records cannot run into each other.
type Digest struct {
	hash        hash.Hash
	pending     []byte // written to hash in large pieces: a call costs more than the bytes
	records     uint64
	checkpoints []uint64
	scratch     [sha256.Size]byte
}

// digestPiece is how many bytes are gathered before they are hashed.
const digestPiece = 8 << 10

// NewDigest returns the digest of an empty history.
func NewDigest() *Digest {
	return &Digest{hash: sha256.New(), pending: make([]byte, 0, digestPiece+512)}
}

// Add appends one record. The record is not kept.
func (d *Digest) Add(record []byte) {
	d.pending = binary.BigEndian.AppendUint32(d.pending, uint32(len(record)))
	d.pending = append(d.pending, record...)
	d.records++
	if d.records%CheckpointEvery == 0 {
		d.checkpoints = append(d.checkpoints, binary.BigEndian.Uint64(d.sum()))
		return
	}
	if len(d.pending) >= digestPiece {
		d.flush()
	}
}

// Sum returns the digest of everything added so far, as "sha256:" and 64 hex
// digits. Adding may go on afterwards.
func (d *Digest) Sum() string { return "sha256:" + hex.EncodeToString(d.sum()) }

// Records returns the number of records added.
func (d *Digest) Records() uint64 { return d.records }

// Checkpoints returns one number for every CheckpointEvery records: the i-th one
// stands for all records before number (i+1)*CheckpointEvery, counted from 0. Two
// histories that differ once differ in every later checkpoint. The slice belongs
// to the digest.
func (d *Digest) Checkpoints() []uint64 { return d.checkpoints }

// Parted compares the checkpoints of two histories. If they differ, record is the
// number, counted from 0, of a record up to which the histories are the same, and
// the first difference is one of the CheckpointEvery records from there on.
func Parted(a, b []uint64) (record uint64, parted bool) {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return uint64(i) * CheckpointEvery, true
		}
	}
	return 0, false
}

func (d *Digest) sum() []byte {
	d.flush()
	return d.hash.Sum(d.scratch[:0])
}

func (d *Digest) flush() {
	d.hash.Write(d.pending) // never fails, says package hash
	d.pending = d.pending[:0]
}
