import { useEffect, useRef } from "preact/hooks";

interface Props {
  title: string;
  note: string;
  yes: string;
  no: string;
  onYes(): void;
  onNo(): void;
}

/** Asks before something is done. The browser keeps the focus in it and gives it back. */
export function ConfirmDialog({ title, note, yes, no, onYes, onNo }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current as HTMLDialogElement;
    element.showModal();
    return () => element.close();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby="confirm-title" onCancel={(event) => { event.preventDefault(); onNo(); }}>
      <h2 id="confirm-title">{title}</h2>
      <p class="note">{note}</p>
      <div class="dialog-end">
        <button type="button" onClick={onNo}>{no}</button>
        <button type="button" class="primary" onClick={onYes}>{yes}</button>
      </div>
    </dialog>
  );
}
