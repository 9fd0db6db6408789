// What can be done with a conversation of the list, or with a folder: from the row's menu and from the palette.

import { changeConversation, deleteConversation, importConversation, leaveShared, renameFolder, restoreConversation } from "./api.js";
import { offer } from "./actions.js";
import { byId, element } from "./dom.js";
import { KEYS } from "./keys.js";
import { toast } from "./toast.js";
import { sentenceOf, titled } from "./words.js";

/** Say what went wrong, and bring the list up to date again. */
function complain(error) {
  toast(sentenceOf(error));
}

function download({ id }, format) {
  const link = element("a", { href: `/api/conversations/${id}/export/?format=${format}`, download: true });
  document.body.append(link);
  link.click();
  link.remove();
}

// What opens beside the list is loaded when somebody asks for it the first time.

async function share(entry) {
  const { openSharing } = await import("./sharing.js");
  openSharing(entry);
}

async function ask(asked, take) {
  const asking = await import("./asking.js");
  asking.ask(asked, take);
}

async function openMenu(button, label, entries) {
  const menu = await import("./menu.js");
  menu.openMenu(button, label, entries);
}

export class ListActions {
  #list;
  #go;
  #deletion = null;

  /**
   * @param {import("./conversations.js").ConversationList} list
   * @param {(address: string) => void} go  shows another conversation, or none
   */
  constructor(list, go) {
    this.#list = list;
    this.#go = go;
    byId("import").addEventListener("click", () => this.#import());
    const isOpen = () => Boolean(this.#current && !this.#current.shared_by);
    const here = (title, run, more = {}) => ({ group: "This conversation", title, isOffered: isOpen, run: () => run(this.#current), ...more });
    offer((words) => this.#titled(words));
    offer([
      here(KEYS.rename.title, (entry) => this.#rename(entry), { ...KEYS.rename, also: "title" }),
      here("Pin the conversation", (entry) => this.#change(entry, { pinned: true }), { isOffered: () => isOpen() && !this.#current.pinned }),
      here("Unpin the conversation", (entry) => this.#change(entry, { pinned: false }), { isOffered: () => isOpen() && this.#current.pinned }),
      here("Move the conversation to a folder", (entry) => this.#move(entry), { also: "project" }),
      here("Share the conversation", share, { also: "link publish" }),
      here("Export the conversation as Markdown", (entry) => download(entry, "markdown"), { also: "download save" }),
      here("Export the conversation as JSON", (entry) => download(entry, "json"), { also: "download save" }),
      { group: "Everywhere", title: "Import a conversation", also: "upload json", run: () => this.#import() },
      here("Archive the conversation", (entry) => this.#archive(entry), { also: "hide" }),
      here(KEYS.delete.title, (entry) => this.#askToDelete(entry), KEYS.delete),
    ]);
  }

  /** Return what shows the conversations whose titles have the typed words, for the palette. */
  #titled(words) {
    if (!words.trim()) return [];
    return this.#list.entries.map(({ id, title }) => {
      return { group: "Conversations", title: titled(title), run: () => this.#go(`/c/${id}/`) };
    });
  }

  get #current() {
    return this.#list.entry(this.#list.current);
  }

  /** Open the menu of a row. */
  menu(row, button) {
    const { entry } = row;
    if (entry.shared_by) {
      openMenu(button, `Actions for “${titled(entry.title)}”`, [
        { title: "Take out of my list", run: () => leaveShared(entry.id).catch(complain), isDanger: true },
      ]);
      return;
    }
    openMenu(button, `Actions for “${titled(entry.title)}”`, [
      { title: "Rename", run: () => row.edit((title) => title && this.#change(entry, { title })) },
      { title: entry.pinned ? "Unpin" : "Pin", run: () => this.#change(entry, { pinned: !entry.pinned }) },
      { title: "Move to a folder…", run: () => this.#move(entry) },
      { title: "Share…", run: () => share(entry) },
      { title: "Export as Markdown", run: () => download(entry, "markdown") },
      { title: "Export as JSON", run: () => download(entry, "json") },
      entry.archived
        ? { title: "Take out of the archive", run: () => this.#change(entry, { archived: false }) }
        : { title: "Archive", run: () => this.#archive(entry) },
      { title: "Delete", run: () => this.#askToDelete(entry), isDanger: true },
    ]);
  }

  /** Open the menu of a folder. */
  folderMenu(name, button) {
    openMenu(button, `Actions for the folder “${name}”`, [
      {
        title: "Rename",
        run: () => ask({ title: "Rename the folder", label: "Name", value: name, most: 60, confirm: "Rename" }, (to) => renameFolder(name, to)),
      },
      { title: "Dissolve", run: () => renameFolder(name, "").catch(complain) },
    ]);
  }

  async #change(entry, changes) {
    try {
      this.#list.take(await changeConversation(entry.id, changes));
    } catch (error) {
      complain(error);
    }
  }

  #rename(entry) {
    const asked = { title: "Rename the conversation", label: "Title", value: entry.title, most: 80, confirm: "Rename" };
    ask(asked, async (title) => this.#list.take(await changeConversation(entry.id, { title })));
  }

  #move(entry) {
    const asked = {
      title: "Move to a folder",
      label: "Folder",
      value: entry.folder,
      most: 60,
      confirm: "Move",
      choices: this.#list.folders,
      hint: "A new name makes a new folder. Leave it empty to take the conversation out of its folder.",
      mayBeEmpty: true,
    };
    ask(asked, async (folder) => this.#list.take(await changeConversation(entry.id, { folder })));
  }

  #import() {
    const input = element("input", { type: "file", accept: "application/json,.json" });
    input.addEventListener("change", async () => {
      const [file] = input.files ?? [];
      if (!file) return;
      try {
        const { id } = await importConversation(await file.text());
        this.#go(`/c/${id}/`);
      } catch (error) {
        complain(error);
      }
    });
    input.click();
  }

  async #archive(entry) {
    await this.#change(entry, { archived: true });
    toast(`“${titled(entry.title)}” is in the archive.`, { title: "Undo", run: () => this.#change(entry, { archived: false }) });
  }

  async #askToDelete(entry) {
    const { Deletion } = await import("./deletion.js");
    this.#deletion ??= new Deletion((id) => this.#delete(id));
    this.#deletion.ask(entry);
  }

  async #delete(id) {
    const entry = this.#list.entry(id);
    const isCurrent = id === this.#list.current;
    try {
      await deleteConversation(id);
    } catch (error) {
      if (error.code !== "not_found") {
        complain(error);
        return;
      }
    }
    this.#list.remove(id);
    if (isCurrent) this.#go("/");
    const undo = async () => {
      try {
        await restoreConversation(id);
        if (isCurrent) this.#go(`/c/${id}/`);
      } catch (error) {
        complain(error);
      }
    };
    toast(`“${titled(entry?.title ?? "")}” was deleted.`, { title: "Undo", run: undo });
  }
}
