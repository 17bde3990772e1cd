  ;; Lists that calls append to and read, several at once, as in Jepsen's list-append.
  ;;
  ;;     list │ key │ length │
  ;;     item │ key │ place │ value │       no primary key; index 0 is by key and place

  (data (i32.const 16) "list")
  (data (i32.const 32) "item")
  (data (i32.const 64) "the caller has thought better of it")

  (global $list (mut i32) (i32.const -1))
  (global $item (mut i32) (i32.const -1))

  (func $look_up
    (call $begin)
    (if (i32.eq (global.get $list) (i32.const -1))
      (then
        (global.set $list (call $table (i32.const 16) (i32.const 4)))
        (global.set $item (call $table (i32.const 32) (i32.const 4))))))

  ;; Counts one more item of a list; its place, or -1 when that is refused.
  (func $lengthen (param $list i64) (result i64)
    (local $place i64) (local $refused i32)
    (call $key (local.get $list))
    (i32.store (i32.const 8192) (i32.const 16))
    (if (i64.eq
          (call $find
            (global.get $list)
            (i32.const 0)
            (i32.const 4096) (i32.const 9)
            (i32.const 8196) (i32.const 16))
          (i64.const 16))
      (then
        (local.set $place (i64.load (i32.const 8204)))
        (i64.store (i32.const 8204) (i64.add (local.get $place) (i64.const 1)))
        (local.set $refused
          (call $update (global.get $list) (i32.const 8192) (i32.const 20))))
      (else
        (i64.store (i32.const 8196) (local.get $list))
        (i64.store (i32.const 8204) (i64.const 1))
        (local.set $refused
          (call $insert (global.get $list) (i32.const 8192) (i32.const 20)))))
    (select (i64.const -1) (local.get $place) (local.get $refused)))

  ;; Appends a value to a list; not 0 when that is refused.
  (func $append (param $list i64) (param $value i64) (result i32)
    (local $place i64)
    (local.set $place (call $lengthen (local.get $list)))
    (if (i64.eq (local.get $place) (i64.const -1)) (then (return (i32.const 1))))
    (i32.store (i32.const 8192) (i32.const 24))
    (i64.store (i32.const 8196) (local.get $list))
    (i64.store (i32.const 8204) (local.get $place))
    (i64.store (i32.const 8212) (local.get $value))
    (call $insert (global.get $item) (i32.const 8192) (i32.const 28)))

  ;; Tells how many values a list has, and the values. They are read three at a time.
  (func $read (param $list i64)
    (local $scan i32) (local $at i32) (local $end i32) (local $first i32)
    (local.set $first (global.get $told))
    (call $tell (i64.const 0))
    (call $key (local.get $list))
    (local.set $scan
      (call $scan
        (global.get $item)
        (i32.const 0)
        (i32.const 4096) (i32.const 9)
        (i32.const 4096) (i32.const 9)
        (i32.const 0)))
    (block $done
      (loop $blocks
        (local.set $end
          (i32.add
            (i32.const 98304)
            (i32.wrap_i64
              (call $next (local.get $scan) (i32.const 98304) (i32.const 84)))))
        (br_if $done (i32.eq (local.get $end) (i32.const 98304)))
        (local.set $at (i32.const 98304))
        (loop $rows
          (call $tell (i64.load offset=20 (local.get $at)))
          (local.set $at (i32.add (local.get $at) (i32.const 28)))
          (br_if $rows (i32.lt_u (local.get $at) (local.get $end))))
        (br $blocks)))
    (i64.store offset=16392
      (i32.shl (local.get $first) (i32.const 3))
      (i64.extend_i32_u
        (i32.sub (i32.sub (global.get $told) (local.get $first)) (i32.const 1)))))

  ;; touch(mark, kinds, first, second, third): appends to the lists whose bit of `kinds` is set, and reads the others; a
  ;; list 0 is left out. What is appended is four times the mark and the step. With bit 3 the call is refused when all
  ;; that is done, with bit 4 it breaks.
  (func (export "cosm_reducer_touch") (param $input i32) (param $length i32) (result i32)
    (local $step i32) (local $kinds i32) (local $list i64)
    (call $look_up)
    (local.set $kinds
      (i32.wrap_i64 (call $argument (local.get $input) (i32.const 1))))
    (loop $steps
      (local.set $list
        (call $argument
          (local.get $input)
          (i32.add (local.get $step) (i32.const 2))))
      (if (i64.ne (local.get $list) (i64.const 0))
        (then
          (if (i32.and
                (i32.shr_u (local.get $kinds) (local.get $step))
                (i32.const 1))
            (then
              (if (call $append
                    (local.get $list)
                    (i64.add
                      (i64.mul
                        (call $argument (local.get $input) (i32.const 0))
                        (i64.const 4))
                      (i64.extend_i32_u (local.get $step))))
                (then (return (call $fail_with_error)))))
            (else (call $read (local.get $list))))))
      (local.set $step (i32.add (local.get $step) (i32.const 1)))
      (br_if $steps (i32.lt_u (local.get $step) (i32.const 3))))
    (if (i32.and (local.get $kinds) (i32.const 8))
      (then
        (call $fail (i32.const 64) (i32.const 35))
        (return (i32.const 1))))
    (if (i32.and (local.get $kinds) (i32.const 16)) (then (unreachable)))
    (call $finish (local.get $input)))
