;; A bank, written by hand for the simulation: each call writes several rows of several tables, so that a half of one
;; could be seen.
;;
;; Rows have columns of eight bytes alone:
;;
;;     account │ id │ balance │            1 to 8, each with 1000 to begin with
;;     entry   │ id │ mark │ account │ amount │
;;     receipt │ id │ mark │ entry │
;;
;; `mark` is the caller's number for a transfer. Memory: texts from 0, a key or arguments at 4096, an account's row at
;; 4200, the block of two entries at 8192, the block of one receipt at 8300, and from 65536 on what the host writes: 80
;; bytes of context, then the arguments.
;;
;; Version 2, which the block comment holds back, has one table more and is otherwise the same.

(module
  (import "cosm" "describe" (func $describe (param i32 i32)))
  (import "cosm" "result" (func $result (param i32 i32)))
  (import "cosm" "fail" (func $fail (param i32 i32)))
  (import "cosm" "schedule" (func $schedule (param i64 i32 i32 i32 i32) (result i32)))
  (import "datastore" "table" (func $table (param i32 i32) (result i32)))
  (import "datastore" "insert" (func $insert (param i32 i32 i32) (result i32)))
  (import "datastore" "update" (func $update (param i32 i32 i32) (result i32)))
  (import "datastore" "delete" (func $delete (param i32 i32 i32 i32) (result i64)))
  (import "datastore" "find" (func $find (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "datastore" "error" (func $error (param i32 i32) (result i32)))

  (memory (export "memory") 2)

  (data (i32.const 0) "account")
  (data (i32.const 16) "entry")
  (data (i32.const 32) "receipt")
  (data (i32.const 48) "transfer")
  (data (i32.const 64) "there is no such account")
  (data (i32.const 96) "the balance does not cover it")

  (data (i32.const 1024) "{\"table\":{\"name\":\"account\",\"public\":true,\"columns\":[{\"name\":\"id\",\"type\":\"u64\"},{\"name\":\"balance\",\"type\":\"i64\"}],\"indexes\":[{\"name\":\"id\",\"columns\":[\"id\"],\"primary\":true}]}}")
  (data (i32.const 1216) "{\"table\":{\"name\":\"entry\",\"public\":true,\"columns\":[{\"name\":\"id\",\"type\":\"u64\",\"auto_inc\":true},{\"name\":\"mark\",\"type\":\"u64\"},{\"name\":\"account\",\"type\":\"u64\",\"foreign_key\":{\"table\":\"account\",\"column\":\"id\"}},{\"name\":\"amount\",\"type\":\"i64\"}],\"indexes\":[{\"name\":\"id\",\"columns\":[\"id\"],\"primary\":true},{\"name\":\"by_mark\",\"columns\":[\"mark\"]}]}}")
  (data (i32.const 1600) "{\"table\":{\"name\":\"receipt\",\"public\":true,\"columns\":[{\"name\":\"id\",\"type\":\"u64\",\"auto_inc\":true},{\"name\":\"mark\",\"type\":\"u64\"},{\"name\":\"entry\",\"type\":\"u64\"}],\"indexes\":[{\"name\":\"id\",\"columns\":[\"id\"],\"primary\":true},{\"name\":\"by_mark\",\"columns\":[\"mark\"]}]}}")
  (data (i32.const 1856) "{\"reducer\":{\"name\":\"init\",\"kind\":\"init\"}}")
  (data (i32.const 1920) "{\"reducer\":{\"name\":\"transfer\",\"params\":[{\"name\":\"mark\",\"type\":\"u64\"},{\"name\":\"source\",\"type\":\"u64\"},{\"name\":\"target\",\"type\":\"u64\"},{\"name\":\"amount\",\"type\":\"i64\"}],\"result\":\"u64\"}}")
  (data (i32.const 2112) "{\"reducer\":{\"name\":\"transfer_later\",\"params\":[{\"name\":\"mark\",\"type\":\"u64\"},{\"name\":\"source\",\"type\":\"u64\"},{\"name\":\"target\",\"type\":\"u64\"},{\"name\":\"after\",\"type\":\"duration\"}]}}")
  (data (i32.const 2304) "{\"reducer\":{\"name\":\"erase\",\"params\":[{\"name\":\"receipt\",\"type\":\"u64\"}],\"result\":\"u64\"}}")
  (data (i32.const 2624) "{\"reducer\":{\"name\":\"draw\",\"result\":\"u64\"}}")

  ;; Handles are the same for the life of an instance; -1 until they are looked up.
  (global $account (mut i32) (i32.const -1))
  (global $entry (mut i32) (i32.const -1))
  (global $receipt (mut i32) (i32.const -1))

  (func (export "cosm_abi_1"))

  (func (export "cosm_describe_bank")
    (call $describe (i32.const 1024) (i32.const 171))
    (call $describe (i32.const 1216) (i32.const 331))
    (call $describe (i32.const 1600) (i32.const 252))
    (call $describe (i32.const 1856) (i32.const 41))
    (call $describe (i32.const 1920) (i32.const 179))
    (call $describe (i32.const 2112) (i32.const 174))
    (call $describe (i32.const 2304) (i32.const 86))
    (call $describe (i32.const 2624) (i32.const 42)))

  (; version 2
  (data (i32.const 2432) "{\"table\":{\"name\":\"note\",\"public\":true,\"columns\":[{\"name\":\"id\",\"type\":\"u64\"}],\"indexes\":[{\"name\":\"id\",\"columns\":[\"id\"],\"primary\":true}]}}")
  (func (export "cosm_describe_note")
    (call $describe (i32.const 2432) (i32.const 136)))
  ;)

  ;; Arguments are short: what memory there is has room for them.
  (func (export "cosm_buffer") (param $length i32) (result i32)
    (i32.const 65536))

  (func $look_up
    (if (i32.eq (global.get $account) (i32.const -1))
      (then
        (global.set $account (call $table (i32.const 0) (i32.const 7)))
        (global.set $entry (call $table (i32.const 16) (i32.const 5)))
        (global.set $receipt (call $table (i32.const 32) (i32.const 7))))))

  ;; Fails the call with the text of the last error code.
  (func $fail_with_error
    (call $fail
      (i32.const 16384)
      (call $error (i32.const 16384) (i32.const 4096))))

  ;; Writes the key of one number to 4096: nine bytes.
  (func $key (param $number i64)
    (i32.store8 (i32.const 4096) (i32.const 1))
    (i64.store (i32.const 4097) (local.get $number)))

  ;; Adds to a balance. 1, and the call has failed, when there is no such account or too little on it.
  (func $add (param $id i64) (param $amount i64) (result i32)
    (call $key (local.get $id))
    (i32.store (i32.const 4200) (i32.const 16))
    (if (i64.ne
          (call $find
            (global.get $account)
            (i32.const 0)
            (i32.const 4096) (i32.const 9)
            (i32.const 4204) (i32.const 16))
          (i64.const 16))
      (then
        (call $fail (i32.const 64) (i32.const 24))
        (return (i32.const 1))))
    (i64.store
      (i32.const 4212)
      (i64.add (i64.load (i32.const 4212)) (local.get $amount)))
    (if (i64.lt_s (i64.load (i32.const 4212)) (i64.const 0))
      (then
        (call $fail (i32.const 96) (i32.const 29))
        (return (i32.const 1))))
    (if (call $update (global.get $account) (i32.const 4200) (i32.const 20))
      (then
        (call $fail_with_error)
        (return (i32.const 1))))
    (i32.const 0))

  ;; Writes a row of `entry` after its length, with the id 0: "assign one".
  (func $write_entry (param $at i32) (param $mark i64) (param $account i64) (param $amount i64)
    (i32.store (local.get $at) (i32.const 32))
    (i64.store offset=4 (local.get $at) (i64.const 0))
    (i64.store offset=12 (local.get $at) (local.get $mark))
    (i64.store offset=20 (local.get $at) (local.get $account))
    (i64.store offset=28 (local.get $at) (local.get $amount)))

  ;; Inserts a receipt; the host writes its id to 8304. 1, and the call has failed, when it is refused.
  (func $issue (param $mark i64) (param $entry i64) (result i32)
    (i32.store (i32.const 8300) (i32.const 24))
    (i64.store (i32.const 8304) (i64.const 0))
    (i64.store (i32.const 8312) (local.get $mark))
    (i64.store (i32.const 8320) (local.get $entry))
    (if (call $insert (global.get $receipt) (i32.const 8300) (i32.const 28))
      (then
        (call $fail_with_error)
        (return (i32.const 1))))
    (i32.const 0))

  ;; Removes the receipt of this id; how many there were.
  (func $remove (param $id i64) (result i64)
    (call $key (local.get $id))
    (call $delete (global.get $receipt) (i32.const 0) (i32.const 4096) (i32.const 9)))

  ;; init: the accounts, in one block.
  (func (export "cosm_reducer_init") (param $input i32) (param $length i32) (result i32)
    (local $at i32) (local $id i64)
    (call $look_up)
    (local.set $at (i32.const 8192))
    (loop $accounts
      (local.set $id (i64.add (local.get $id) (i64.const 1)))
      (i32.store (local.get $at) (i32.const 16))
      (i64.store offset=4 (local.get $at) (local.get $id))
      (i64.store offset=12 (local.get $at) (i64.const 1000))
      (local.set $at (i32.add (local.get $at) (i32.const 20)))
      (br_if $accounts (i64.lt_u (local.get $id) (i64.const 8))))
    (if (call $insert (global.get $account) (i32.const 8192) (i32.const 160))
      (then
        (call $fail_with_error)
        (return (i32.const 1))))
    (i32.const 0))

  ;; transfer(mark: u64, source: u64, target: u64, amount: i64) -> u64: the first entry's id. All that may go wrong is
  ;; found out as late as can be: then the most has to be undone.
  (func (export "cosm_reducer_transfer") (param $input i32) (param $length i32) (result i32)
    (local $mark i64) (local $source i64) (local $target i64) (local $amount i64)
    (call $look_up)
    (local.set $mark (i64.load offset=80 (local.get $input)))
    (local.set $source (i64.load offset=88 (local.get $input)))
    (local.set $target (i64.load offset=96 (local.get $input)))
    (local.set $amount (i64.load offset=104 (local.get $input)))
    (call $write_entry
      (i32.const 8192)
      (local.get $mark)
      (local.get $source)
      (i64.sub (i64.const 0) (local.get $amount)))
    (call $write_entry
      (i32.const 8228)
      (local.get $mark)
      (local.get $target)
      (local.get $amount))
    (if (call $insert (global.get $entry) (i32.const 8192) (i32.const 72))
      (then
        (call $fail_with_error)
        (return (i32.const 1))))
    (if (call $add (local.get $target) (local.get $amount)) (then (return (i32.const 1))))
    ;; The host has filled in the first entry's id, at 8196.
    (if (call $issue (local.get $mark) (i64.load (i32.const 8196)))
      (then (return (i32.const 1))))
    (if (call $add (local.get $source) (i64.sub (i64.const 0) (local.get $amount)))
      (then (return (i32.const 1))))
    ;; From an account to itself: breaks.
    (if (i64.eq (local.get $source) (local.get $target)) (then (unreachable)))
    (call $result (i32.const 8196) (i32.const 8))
    (i32.const 0))

  ;; transfer_later(mark: u64, source: u64, target: u64, after: duration): a transfer of nothing, which no balance can
  ;; refuse, when that time has passed.
  (func (export "cosm_reducer_transfer_later")
    (param $input i32) (param $length i32) (result i32)
    (memory.copy
      (i32.const 4096)
      (i32.add (local.get $input) (i32.const 80))
      (i32.const 24))
    (i64.store (i32.const 4120) (i64.const 0))
    (if (call $schedule
          (i64.add
            (i64.load offset=8 (local.get $input))
            (i64.load offset=104 (local.get $input)))
          (i32.const 48) (i32.const 8)
          (i32.const 4096) (i32.const 32))
      (then
        (call $fail_with_error)
        (return (i32.const 1))))
    (i32.const 0))

  ;; erase(receipt: u64) -> u64: how many receipts had this id, 0 or 1.
  (func (export "cosm_reducer_erase") (param $input i32) (param $length i32) (result i32)
    (call $look_up)
    (i64.store (i32.const 8192) (call $remove (i64.load offset=80 (local.get $input))))
    (call $result (i32.const 8192) (i32.const 8))
    (i32.const 0))

  ;; draw() -> u64: a receipt's id that no receipt will have; nothing is left of it but that.
  (func (export "cosm_reducer_draw") (param $input i32) (param $length i32) (result i32)
    (call $look_up)
    (if (call $issue (i64.const 0) (i64.const 0)) (then (return (i32.const 1))))
    (if (i64.ne (call $remove (i64.load (i32.const 8304))) (i64.const 1)) (then (unreachable)))
    (call $result (i32.const 8304) (i32.const 8))
    (i32.const 0))
)
