  ;; What the desks of the simulation share (tests/sim/desk): each call that is done leaves a *deed*, which says in which
  ;; transaction that was and the first two numbers that the call told. All rows have columns of eight bytes alone, all
  ;; arguments are such numbers, the first one the caller's mark, and every result is a list of them.
  ;;
  ;;     deed │ id │ mark │ tx │ first │ second │
  ;;
  ;; Memory: texts from 0, a key at 4096, rows at 8192, an error's text at 12288, the result at 16384 (where it ends, how
  ;; many numbers, the numbers), descriptions from 32768, the input at 65536, what a scan reads at 98304.

  (import "cosm" "describe" (func $describe (param i32 i32)))
  (import "cosm" "result" (func $result (param i32 i32)))
  (import "cosm" "fail" (func $fail (param i32 i32)))
  (import "datastore" "table" (func $table (param i32 i32) (result i32)))
  (import "datastore" "insert" (func $insert (param i32 i32 i32) (result i32)))
  (import "datastore" "update" (func $update (param i32 i32 i32) (result i32)))
  (import "datastore" "delete" (func $delete (param i32 i32 i32 i32) (result i64)))
  (import "datastore" "find" (func $find (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "datastore" "scan" (func $scan (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "datastore" "next" (func $next (param i32 i32 i32) (result i64)))
  (import "datastore" "error" (func $error (param i32 i32) (result i32)))

  (memory (export "memory") 2)

  (data (i32.const 0) "deed")

  ;; A handle stays the same for the life of an instance; -1 until it is looked up.
  (global $deed (mut i32) (i32.const -1))
  ;; Numbers that the call has told so far.
  (global $told (mut i32) (i32.const 0))

  (func (export "cosm_abi_1"))

  (func (export "cosm_buffer") (param $length i32) (result i32)
    (i32.const 65536))

  ;; Begins a call: nothing is told.
  (func $begin
    (global.set $told (i32.const 0))
    (i64.store (i32.const 16392) (i64.const 0))
    (i64.store (i32.const 16400) (i64.const 0))
    (if (i32.eq (global.get $deed) (i32.const -1))
      (then (global.set $deed (call $table (i32.const 0) (i32.const 4))))))

  ;; An argument of the call.
  (func $argument (param $input i32) (param $at i32) (result i64)
    (i64.load offset=80
      (i32.add (local.get $input) (i32.shl (local.get $at) (i32.const 3)))))

  ;; Fails the call with the text of the last error code.
  (func $fail_with_error (result i32)
    (call $fail
      (i32.const 12288)
      (call $error (i32.const 12288) (i32.const 4096)))
    (i32.const 1))

  ;; Writes the key of one number to 4096: nine bytes.
  (func $key (param $number i64)
    (i32.store8 (i32.const 4096) (i32.const 1))
    (i64.store (i32.const 4097) (local.get $number)))

  ;; Adds a number to the result.
  (func $tell (param $number i64)
    (i64.store offset=16392
      (i32.shl (global.get $told) (i32.const 3))
      (local.get $number))
    (global.set $told (i32.add (global.get $told) (i32.const 1))))

  ;; Ends a call: leaves its deed and gives its result. What a reducer returns.
  (func $finish (param $input i32) (result i32)
    (local $bytes i32)
    (i32.store (i32.const 8192) (i32.const 40))
    (i64.store (i32.const 8196) (i64.const 0))
    (i64.store (i32.const 8204) (call $argument (local.get $input) (i32.const 0)))
    (i64.store (i32.const 8212) (i64.load (local.get $input)))
    (i64.store (i32.const 8220) (i64.load (i32.const 16392)))
    (i64.store (i32.const 8228) (i64.load (i32.const 16400)))
    (if (call $insert (global.get $deed) (i32.const 8192) (i32.const 44))
      (then (return (call $fail_with_error))))
    (local.set $bytes
      (i32.add (i32.const 4) (i32.shl (global.get $told) (i32.const 3))))
    (i32.store (i32.const 16384) (local.get $bytes))
    (i32.store (i32.const 16388) (global.get $told))
    (call $result
      (i32.const 16384)
      (i32.add (local.get $bytes) (i32.const 4)))
    (i32.const 0))
