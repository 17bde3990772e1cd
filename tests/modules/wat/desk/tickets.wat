  ;; Numbers that are given out once: those of tickets, which are where their holders are, and those of stubs, which are
  ;; where they were made.
  ;;
  ;;     ticket │ id │ holder │ mark │
  ;;     stub   │ id │ mark │

  (data (i32.const 16) "ticket")
  (data (i32.const 32) "stub")

  (global $ticket (mut i32) (i32.const -1))
  (global $stub (mut i32) (i32.const -1))

  (func $look_up
    (call $begin)
    (if (i32.eq (global.get $ticket) (i32.const -1))
      (then
        (global.set $ticket (call $table (i32.const 16) (i32.const 6)))
        (global.set $stub (call $table (i32.const 32) (i32.const 4))))))

  ;; Makes a ticket and its stub, and tells their numbers; not 0 when one is refused.
  (func $make (param $input i32) (result i32)
    (i32.store (i32.const 8192) (i32.const 24))
    (i64.store (i32.const 8196) (i64.const 0))
    (i64.store (i32.const 8204) (call $argument (local.get $input) (i32.const 1)))
    (i64.store (i32.const 8212) (call $argument (local.get $input) (i32.const 0)))
    (if (call $insert (global.get $ticket) (i32.const 8192) (i32.const 28))
      (then (return (i32.const 1))))
    (call $tell (i64.load (i32.const 8196)))
    (i32.store (i32.const 8192) (i32.const 16))
    (i64.store (i32.const 8196) (i64.const 0))
    (i64.store (i32.const 8204) (call $argument (local.get $input) (i32.const 0)))
    (if (call $insert (global.get $stub) (i32.const 8192) (i32.const 20))
      (then (return (i32.const 1))))
    (call $tell (i64.load (i32.const 8196)))
    (i32.const 0))

  ;; Removes a row by its id; how many there were.
  (func $remove (param $table i32) (param $id i64) (result i64)
    (call $key (local.get $id))
    (call $delete (local.get $table) (i32.const 0) (i32.const 4096) (i32.const 9)))

  ;; draw(mark, holder): a ticket and its stub; tells their numbers.
  (func (export "cosm_reducer_draw") (param $input i32) (param $length i32) (result i32)
    (call $look_up)
    (if (call $make (local.get $input)) (then (return (call $fail_with_error))))
    (call $finish (local.get $input)))

  ;; waste(mark, holder): the same, and removes both again: nothing is left of them but their numbers.
  (func (export "cosm_reducer_waste") (param $input i32) (param $length i32) (result i32)
    (call $look_up)
    (if (call $make (local.get $input)) (then (return (call $fail_with_error))))
    (if (i64.ne
          (call $remove (global.get $ticket) (i64.load (i32.const 16392)))
          (i64.const 1))
      (then (unreachable)))
    (if (i64.ne
          (call $remove (global.get $stub) (i64.load (i32.const 16400)))
          (i64.const 1))
      (then (unreachable)))
    (call $finish (local.get $input)))

  ;; tear(mark, ticket): removes a ticket, whose stub stays; tells how many there were.
  (func (export "cosm_reducer_tear") (param $input i32) (param $length i32) (result i32)
    (call $look_up)
    (call $tell
      (call $remove
        (global.get $ticket)
        (call $argument (local.get $input) (i32.const 1))))
    (call $finish (local.get $input)))
