;; Named counters, written by hand against ABI version 1: every kind of import, one table, seven reducers.
;;
;; A row of the table `counter` is 20 bytes, then the name:
;;
;;     0        8                12         20
;;     │ id u64 │ end of name u32 │ value i64 │ name …
;;
;; Memory: texts from 0, a row or a key at 4096 (room for a name of 1,000 bytes), a block of rows at 8192, and from
;; 65536 on what the host writes: 80 bytes of context, then the arguments.

(module
  (import "cosm" "describe" (func $describe (param i32 i32)))
  (import "cosm" "result" (func $result (param i32 i32)))
  (import "cosm" "rows" (func $rows (param i32 i32)))
  (import "cosm" "fail" (func $fail (param i32 i32)))
  (import "cosm" "schedule" (func $schedule (param i64 i32 i32 i32 i32) (result i32)))
  (import "console" "log" (func $log (param i32 i32 i32)))
  (import "datastore" "table" (func $table (param i32 i32) (result i32)))
  (import "datastore" "index" (func $index (param i32 i32 i32) (result i32)))
  (import "datastore" "insert" (func $insert (param i32 i32 i32) (result i32)))
  (import "datastore" "update" (func $update (param i32 i32 i32) (result i32)))
  (import "datastore" "delete" (func $delete (param i32 i32 i32 i32) (result i64)))
  (import "datastore" "find" (func $find (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "datastore" "scan" (func $scan (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "datastore" "next" (func $next (param i32 i32 i32) (result i64)))
  (import "datastore" "close" (func $close (param i32)))
  (import "datastore" "count" (func $count (param i32) (result i64)))
  (import "datastore" "error" (func $error (param i32 i32) (result i32)))

  (memory (export "memory") 2)

  (data (i32.const 0) "counter")
  (data (i32.const 16) "by_name")
  (data (i32.const 32) "add")
  (data (i32.const 64) "there is no counter of this name")
  (data (i32.const 128) "a name has 1 to 1000 bytes")
  (data (i32.const 160) "counter created")

  (data (i32.const 1024) "{\"table\":{\"name\":\"counter\",\"public\":true,\"columns\":[{\"name\":\"id\",\"type\":\"u64\",\"auto_inc\":true},{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"value\",\"type\":\"i64\"}],\"indexes\":[{\"name\":\"id\",\"columns\":[\"id\"],\"primary\":true},{\"name\":\"by_name\",\"columns\":[\"name\"],\"unique\":true}]}}")
  (data (i32.const 1536) "{\"reducer\":{\"name\":\"create\",\"params\":[{\"name\":\"name\",\"type\":\"string\"}],\"result\":\"u64\"}}")
  (data (i32.const 1664) "{\"reducer\":{\"name\":\"add\",\"params\":[{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"by\",\"type\":\"i64\"}],\"result\":\"i64\"}}")
  (data (i32.const 1792) "{\"reducer\":{\"name\":\"add_later\",\"params\":[{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"by\",\"type\":\"i64\"},{\"name\":\"after\",\"type\":\"duration\"}]}}")
  (data (i32.const 1984) "{\"reducer\":{\"name\":\"total\",\"result\":\"i64\"}}")
  (data (i32.const 2048) "{\"reducer\":{\"name\":\"remove\",\"params\":[{\"name\":\"name\",\"type\":\"string\"}],\"result\":\"u64\"}}")
  (data (i32.const 2176) "{\"reducer\":{\"name\":\"clear\",\"result\":\"u64\"}}")
  (data (i32.const 2240) "{\"reducer\":{\"name\":\"last\",\"result\":{\"option\":\"string\"}}}")

  ;; Handles are the same for the life of an instance; -1 until they are looked up.
  (global $counter (mut i32) (i32.const -1))
  (global $by_name (mut i32) (i32.const -1))

  ;; ---- What every module has.

  (func (export "cosm_abi_1"))

  (func (export "cosm_describe_counter")
    (call $describe (i32.const 1024) (i32.const 269))
    (call $describe (i32.const 1536) (i32.const 87))
    (call $describe (i32.const 1664) (i32.const 111))
    (call $describe (i32.const 1792) (i32.const 137))
    (call $describe (i32.const 1984) (i32.const 43))
    (call $describe (i32.const 2048) (i32.const 87))
    (call $describe (i32.const 2176) (i32.const 43))
    (call $describe (i32.const 2240) (i32.const 56)))

  ;; Room for `length` bytes from 65536 on; memory grows when that is beyond its end.
  (func (export "cosm_buffer") (param $length i32) (result i32)
    (local $missing i32)
    (local.set $missing
      (i32.sub
        (i32.add (i32.const 65536) (local.get $length))
        (i32.shl (memory.size) (i32.const 16))))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (if (i32.eq
              (memory.grow
                (i32.shr_u (i32.add (local.get $missing) (i32.const 65535)) (i32.const 16)))
              (i32.const -1))
          (then (unreachable)))))
    (i32.const 65536))

  ;; ---- Parts that the reducers share.

  (func $look_up
    (if (i32.eq (global.get $counter) (i32.const -1))
      (then
        (global.set $counter (call $table (i32.const 0) (i32.const 7)))
        (global.set $by_name
          (call $index (global.get $counter) (i32.const 16) (i32.const 7))))))

  ;; Writes the key of the index `by_name` to 4096 and says how long it is. The arguments of every reducer here begin
  ;; with where the name ends; `fixed` is the length of their fixed part, after which the name lies.
  (func $name_key (param $input i32) (param $fixed i32) (result i32)
    (local $length i32)
    (local.set $length (i32.load offset=80 (local.get $input)))
    (i32.store8 (i32.const 4096) (i32.const 1))
    (i32.store (i32.const 4097) (local.get $length))
    (memory.copy
      (i32.const 4101)
      (i32.add (local.get $input) (i32.add (i32.const 80) (local.get $fixed)))
      (local.get $length))
    (i32.add (i32.const 5) (local.get $length)))

  ;; Whether the name at the beginning of the arguments is as long as a name may be; says so when it is not.
  (func $has_name (param $input i32) (result i32)
    (i32.lt_u
      (i32.sub (i32.load offset=80 (local.get $input)) (i32.const 1))
      (i32.const 1000))
    (if (result i32)
      (then (i32.const 1))
      (else
        (call $fail (i32.const 128) (i32.const 26))
        (i32.const 0))))

  ;; Fails the call with the text of the last error code.
  (func $fail_with_error
    (call $fail
      (i32.const 8192)
      (call $error (i32.const 8192) (i32.const 4096))))

  ;; Gives one 8-byte number as the result.
  (func $result_i64 (param $value i64)
    (i64.store (i32.const 8192) (local.get $value))
    (call $result (i32.const 8192) (i32.const 8)))

  ;; ---- The reducers.

  ;; create(name: string) -> u64: the new counter's id.
  (func (export "cosm_reducer_create") (param $input i32) (param $length i32) (result i32)
    (local $name i32)
    (call $look_up)
    (if (i32.eqz (call $has_name (local.get $input))) (then (return (i32.const 1))))
    (local.set $name (i32.load offset=80 (local.get $input)))
    ;; A block of one row: its length, then id 0 ("assign one"), the name's end, the value 0, the name.
    (i32.store (i32.const 4096) (i32.add (i32.const 20) (local.get $name)))
    (i64.store (i32.const 4100) (i64.const 0))
    (i32.store (i32.const 4108) (local.get $name))
    (i64.store (i32.const 4112) (i64.const 0))
    (memory.copy
      (i32.const 4120)
      (i32.add (local.get $input) (i32.const 84))
      (local.get $name))
    (if (call $insert
          (global.get $counter)
          (i32.const 4096)
          (i32.add (i32.const 24) (local.get $name)))
      (then
        (call $fail_with_error)
        (return (i32.const 1))))
    (call $log (i32.const 2) (i32.const 160) (i32.const 15))
    ;; The host has filled in the id.
    (call $result (i32.const 4100) (i32.const 8))
    (i32.const 0))

  ;; add(name: string, by: i64) -> i64: the counter's new value.
  (func (export "cosm_reducer_add") (param $input i32) (param $length i32) (result i32)
    (local $row i64)
    (call $look_up)
    (if (i32.eqz (call $has_name (local.get $input))) (then (return (i32.const 1))))
    ;; The row goes to 8196, so that its length can be put before it: a block of one row.
    (local.set $row
      (call $find
        (global.get $counter)
        (global.get $by_name)
        (i32.const 4096)
        (call $name_key (local.get $input) (i32.const 12))
        (i32.const 8196)
        (i32.const 1020)))
    (if (i64.lt_s (local.get $row) (i64.const 0))
      (then
        (call $fail (i32.const 64) (i32.const 32))
        (return (i32.const 1))))
    (i32.store (i32.const 8192) (i32.wrap_i64 (local.get $row)))
    (i64.store
      (i32.const 8208)
      (i64.add
        (i64.load (i32.const 8208))
        (i64.load offset=84 (local.get $input))))
    (if (call $update
          (global.get $counter)
          (i32.const 8192)
          (i32.add (i32.const 4) (i32.wrap_i64 (local.get $row))))
      (then
        (call $fail_with_error)
        (return (i32.const 1))))
    (call $result (i32.const 8208) (i32.const 8))
    (i32.const 0))

  ;; add_later(name: string, by: i64, after: duration): calls `add` when that time has passed.
  (func (export "cosm_reducer_add_later") (param $input i32) (param $length i32) (result i32)
    (local $name i32)
    (if (i32.eqz (call $has_name (local.get $input))) (then (return (i32.const 1))))
    (local.set $name (i32.load offset=80 (local.get $input)))
    ;; The arguments of `add`: the name's end, `by`, the name.
    (i32.store (i32.const 4096) (local.get $name))
    (i64.store (i32.const 4100) (i64.load offset=84 (local.get $input)))
    (memory.copy
      (i32.const 4108)
      (i32.add (local.get $input) (i32.const 100))
      (local.get $name))
    (if (call $schedule
          (i64.add
            (i64.load offset=8 (local.get $input))
            (i64.load offset=92 (local.get $input)))
          (i32.const 32)
          (i32.const 3)
          (i32.const 4096)
          (i32.add (i32.const 12) (local.get $name)))
      (then
        (call $fail_with_error)
        (return (i32.const 1))))
    (i32.const 0))

  ;; total() -> i64: the sum of all values, read in blocks of at most 4 KiB.
  (func (export "cosm_reducer_total") (param $input i32) (param $length i32) (result i32)
    (local $scan i32) (local $at i32) (local $end i32) (local $total i64)
    (call $look_up)
    (local.set $scan
      (call $scan
        (global.get $counter)
        (i32.const -1)
        (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0)
        (i32.const 0)))
    (block $done
      (loop $blocks
        (local.set $end
          (i32.add
            (i32.const 8192)
            (i32.wrap_i64
              (call $next (local.get $scan) (i32.const 8192) (i32.const 4096)))))
        (br_if $done (i32.eq (local.get $end) (i32.const 8192)))
        (local.set $at (i32.const 8192))
        (loop $rows
          ;; 4 bytes of length, 12 before the value.
          (local.set $total
            (i64.add (local.get $total) (i64.load offset=16 (local.get $at))))
          (local.set $at
            (i32.add
              (i32.add (local.get $at) (i32.const 4))
              (i32.load (local.get $at))))
          (br_if $rows (i32.lt_u (local.get $at) (local.get $end))))
        (br $blocks)))
    (call $result_i64 (local.get $total))
    (i32.const 0))

  ;; last() -> option<string>: the last name in alphabetical order, if there is a counter.
  (func (export "cosm_reducer_last") (param $input i32) (param $length i32) (result i32)
    (local $scan i32) (local $name i32)
    (call $look_up)
    ;; No bounds; flag 4 is "descending".
    (local.set $scan
      (call $scan
        (global.get $counter)
        (global.get $by_name)
        (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0)
        (i32.const 4)))
    ;; There is room for one row of any length. The scan ends by itself when there is no row, else it is closed.
    (if (i64.eqz (call $next (local.get $scan) (i32.const 8192) (i32.const 1024)))
      (then
        ;; An absent string: its end is 1, its only byte 0.
        (i32.store (i32.const 4096) (i32.const 1))
        (i32.store8 (i32.const 4100) (i32.const 0))
        (call $result (i32.const 4096) (i32.const 5)))
      (else
        (call $close (local.get $scan))
        ;; A string that is there: a byte 1, then its bytes. The row began with 4 bytes of length.
        (local.set $name (i32.load (i32.const 8204)))
        (i32.store (i32.const 4096) (i32.add (local.get $name) (i32.const 1)))
        (i32.store8 (i32.const 4100) (i32.const 1))
        (memory.copy (i32.const 4101) (i32.const 8216) (local.get $name))
        (call $result
          (i32.const 4096)
          (i32.add (local.get $name) (i32.const 5)))))
    (i32.const 0))

  ;; remove(name: string) -> u64: how many counters had this name, 0 or 1.
  (func (export "cosm_reducer_remove") (param $input i32) (param $length i32) (result i32)
    (call $look_up)
    (if (i32.eqz (call $has_name (local.get $input))) (then (return (i32.const 1))))
    (call $result_i64
      (call $delete
        (global.get $counter)
        (global.get $by_name)
        (i32.const 4096)
        (call $name_key (local.get $input) (i32.const 4))))
    (i32.const 0))

  ;; clear() -> u64: how many counters there were. A key of no columns means all rows.
  (func (export "cosm_reducer_clear") (param $input i32) (param $length i32) (result i32)
    (local $rows i64)
    (call $look_up)
    (local.set $rows (call $count (global.get $counter)))
    (i32.store8 (i32.const 4096) (i32.const 0))
    (if (i64.ne
          (call $delete
            (global.get $counter)
            (i32.const 0)
            (i32.const 4096)
            (i32.const 1))
          (local.get $rows))
      (then (unreachable)))
    (call $result_i64 (local.get $rows))
    (i32.const 0))
)
